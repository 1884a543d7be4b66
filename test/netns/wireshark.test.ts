import { describe, expect, test } from '@jest/globals';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { qosCubes } from '@flowring/common';
import { encodePci, FLAG as FRCP, newPci, sealTrailer, type Pci } from '../../packages/frcp/src/pci.ts';
import { encodeDirectoryPdu } from '../../packages/ipcpd/src/core/directory/directory-pdu.ts';
import { encodeFaPdu, type FaBody } from '../../packages/ipcpd/src/core/fa-pdu.ts';
import { encodeControl } from '../../packages/ipcpd/src/core/udp/control-packet.ts';
import { FLAG, KIND, seal, writeHeader } from '../../packages/ipcpd/src/core/udp/packet.ts';
import { encodeTaken } from '../../packages/ipcpd/src/core/udp/send-window.ts';
import { dissect, hasTshark, type Dissected } from './capture/tshark.ts';
import { LAYER, FlowHosts, UDP_PORT } from './support/flow-hosts.ts';
import { describeOnTwoHosts } from './support/describe-on-two-hosts.ts';

const A = { address: '10.0.0.1', port: UDP_PORT };
const B = { address: '10.0.0.2', port: UDP_PORT };
const ID = 'sixteen bytes id';
const [CLIENT_EID, SERVER_EID] = [0x1111_2222, 0x3333_4444];

const crc32 = (bytes: Uint8Array, start: number, end: number): number =>
  zlibCrc32(bytes.subarray(start, end));

function control(kind: number, content: Uint8Array): Uint8Array {
  return encodeControl({ kind, number: 7, rTag: 'receiver', sTag: 'thesende', content }, crc32);
}

const fa = (body: FaBody): Uint8Array => control(KIND.fa, encodeFaPdu(0xabcd_ef01, body));

const request = (qos: 'raw' | 'data'): Uint8Array =>
  fa({
    t: 'request',
    id: ID,
    sEid: CLIENT_EID,
    timeoutMs: 5_000,
    qos: qosCubes[qos],
    name: 'oecho',
    data: Buffer.from('first'),
  });
const answer = fa({
  t: 'answer',
  id: ID,
  sEid: SERVER_EID,
  rEid: CLIENT_EID,
  errno: 0,
  data: new Uint8Array(0),
});

function data(eid: number, message: Uint8Array, flags = 0): Uint8Array {
  const extra = ((flags & FLAG.numbered) !== 0 ? 4 : 0) + ((flags & FLAG.checked) !== 0 ? 4 : 0);
  const bytes = Buffer.alloc(8 + message.length + extra);
  writeHeader(bytes, 0, KIND.data, flags, bytes.length, eid);
  if ((flags & FLAG.numbered) !== 0) bytes.writeUInt32BE(99, 8);
  bytes.set(message, (flags & FLAG.numbered) !== 0 ? 12 : 8);
  if ((flags & FLAG.checked) !== 0) seal(bytes, 0, bytes.length - 4, crc32);
  return bytes;
}

function frcp(pci: Partial<Pci>, tail: Uint8Array, isChecked = true): Uint8Array {
  const bytes = new Uint8Array(256);
  const header = encodePci(bytes, 0, { ...newPci(), ...pci });
  bytes.set(tail, header);
  const end = header + tail.length;
  return bytes.slice(0, isChecked ? sealTrailer(bytes, 0, end, crc32) : end);
}

/** What the dissector sees in datagrams from a to b. */
function seen(datagrams: readonly Uint8Array[], fields: readonly string[]): Dissected[] {
  const captured = datagrams.map((datagram, n) => ({ atUs: n * 1_000, from: A, to: B, datagram }));
  return dissect(captured, [...fields, '_ws.col.Info', '_ws.col.Protocol']);
}

const testWithTshark = hasTshark ? test : test.skip;

describe('the Wireshark dissector', () => {
  testWithTshark('shows an allocation', () => {
    const [asked, answered] = seen(
      [request('data'), answer],
      [
        'flowring.kind',
        'flowring.number',
        'flowring.sender',
        'flowring.check.good',
        'flowring.fa.type',
        'flowring.fa.epoch',
        'flowring.fa.id',
        'flowring.fa.name',
        'flowring.fa.timeout',
        'flowring.fa.qos.loss',
        'flowring.fa.qos.in_order',
        'flowring.fa.data',
        'flowring.fa.s_eid',
        'flowring.fa.errno',
      ],
    );
    expect(asked).toMatchObject({
      '_ws.col.Protocol': ['Flowring'],
      '_ws.col.Info': ['FA request name=oecho eid=11112222'],
      'flowring.kind': ['2'],
      'flowring.number': ['7'],
      'flowring.sender': [Buffer.from('thesende').toString('hex')],
      'flowring.check.good': ['1'],
      'flowring.fa.type': ['1'],
      'flowring.fa.epoch': ['0xabcdef01'],
      'flowring.fa.id': [Buffer.from(ID).toString('hex')],
      'flowring.fa.name': ['oecho'],
      'flowring.fa.timeout': ['5000'],
      'flowring.fa.qos.loss': ['0'],
      'flowring.fa.qos.in_order': ['1'],
      'flowring.fa.data': [Buffer.from('first').toString('hex')],
      'flowring.fa.s_eid': ['0x11112222'],
    });
    expect(answered).toMatchObject({
      '_ws.col.Info': ['FA answer accepted eid=33334444'],
      'flowring.fa.errno': ['0'],
    });
  });

  testWithTshark('shows what else flow allocators say, and takes all of it in', () => {
    const bodies: readonly FaBody[] = [
      { t: 'cancel', id: ID, sEid: 1 },
      { t: 'confirm', sEid: 1, rEid: 2 },
      { t: 'down', sEid: 1, rEid: 2, errno: 1_006 },
      { t: 'alive', solicit: true, digests: new Uint32Array(16).fill(5) },
      { t: 'probe', flows: [{ sEid: 1, rEid: 2 }] },
      { t: 'verdict', flows: [{ sEid: 1, rEid: 2, status: 0xffff }] },
    ];
    const packets = seen(bodies.map(fa), ['_ws.malformed', '_ws.expert.message']);
    expect(packets.map((packet) => packet['_ws.col.Info']![0])).toEqual([
      'FA cancel ',
      'FA confirm eid=00000002',
      'FA down eid=00000002 error=1006',
      'FA alive answer wanted',
      'FA probe 1 flows',
      'FA verdict 1 flows',
    ]);
    expect(packets.flatMap((packet) => packet['_ws.expert.message'] ?? [])).toEqual([]);
  });

  testWithTshark('shows what is asked of a directory, and its answer', () => {
    const id = 'eightbyt';
    const asked = control(KIND.directory, encodeDirectoryPdu({ t: 'query', id, name: 'oecho' }));
    const answered = control(KIND.directory, encodeDirectoryPdu({ t: 'answer', id, has: true }));
    const infos = seen([asked, answered], []).map((packet) => packet['_ws.col.Info']![0]);
    expect(infos).toEqual(['directory query name=oecho', 'directory answer yes']);
  });

  testWithTshark('shows what a raw flow tells of what it has taken', () => {
    const [told] = seen(
      [control(KIND.taken, encodeTaken(0x33334444, 77))],
      ['flowring.taken', 'flowring.eid'],
    );
    expect(told).toMatchObject({
      '_ws.col.Info': ['taken eid=33334444 number=77'],
      'flowring.taken': ['77'],
      'flowring.eid': ['0x33334444'],
    });
  });

  testWithTshark('knows FRCP by the QoS of the allocation, in both directions', () => {
    const pdu = frcp({ flags: FRCP.DATA | FRCP.DRF | FRCP.FIRST | FRCP.LAST, seq: 1_000 }, Buffer.from('hi'));
    const fields = ['flowring.frcp.seqno', 'flowring.frcp.data', 'flowring.frcp.check.good', 'flowring.name'];
    const packets = seen(
      [request('data'), answer, data(SERVER_EID, pdu), data(CLIENT_EID, pdu)],
      fields,
    ).slice(2);
    const wanted = {
      'flowring.name': ['oecho'],
      'flowring.frcp.seqno': ['1000'],
      'flowring.frcp.data': [Buffer.from('hi').toString('hex')],
      'flowring.frcp.check.good': ['1'],
    };
    expect(packets).toMatchObject([wanted, wanted]);
    expect(packets[0]!['_ws.col.Info']).toEqual([
      'data eid=33334444 FRCP DATA|DRF|FIRST|LAST seq=1000 len=2',
    ]);
  });

  testWithTshark('shows messages of a raw flow as such, even if they look like FRCP', () => {
    const pdu = frcp({ flags: FRCP.ACK, ack: 5, edge: 9 }, new Uint8Array(0), false);
    const packets = seen(
      [request('raw'), answer, data(SERVER_EID, pdu, FLAG.numbered | FLAG.checked)],
      ['flowring.message', 'flowring.number', 'flowring.check.good', 'flowring.frcp.ackno'],
    );
    expect(packets[2]).toEqual({
      '_ws.col.Protocol': ['Flowring'],
      '_ws.col.Info': ['data eid=33334444 len=12'],
      'flowring.message': [Buffer.from(pdu).toString('hex')],
      'flowring.number': ['99'],
      'flowring.check.good': ['1'],
    });
  });

  testWithTshark('takes what looks like FRCP for FRCP on a flow whose allocation it has not seen', () => {
    const ranges = Buffer.from('0000000a0000000c0000000f00000010', 'hex');
    const ack = frcp(
      {
        flags: FRCP.ACK,
        ack: 5,
        edge: 300,
        creditBytes: 4_096,
        timed: true,
        time: 11,
        echo: 12,
        sackRanges: 2,
      },
      ranges,
      false,
    );
    const segment = frcp(
      { flags: FRCP.DATA | FRCP.FIRST, seq: 8, segmentAt: 16, pduBytes: 40 },
      new Uint8Array(8),
      false,
    );
    const [first, second] = seen(
      [data(5, ack), data(5, segment)],
      ['flowring.frcp.credit', 'flowring.frcp.range.from', 'flowring.frcp.echo'],
    );
    expect(first).toMatchObject({
      '_ws.col.Info': ['data eid=00000005 FRCP ACK ack=5 edge=300 holds=10-12 holds=15-16'],
      'flowring.frcp.credit': ['4096'],
      'flowring.frcp.range.from': ['10', '15'],
      'flowring.frcp.echo': ['12'],
    });
    expect(second!['_ws.col.Info']).toEqual([
      'data eid=00000005 FRCP DATA|FIRST seq=8 offset=16 of=40 len=8',
    ]);
  });

  testWithTshark('tells packets apart that were merged into one datagram', () => {
    const message = data(5, Buffer.from('x'));
    const [packet] = seen([Buffer.concat([message, message, answer])], ['flowring.length']);
    expect(packet!['flowring.length']).toEqual(['9', '9', `${answer.length}`]);
  });

  testWithTshark('marks a wrong check, and what is cut', () => {
    const damaged = answer.slice();
    damaged[30]! ^= 1;
    const packets = seen([damaged, answer.subarray(0, 40)], ['flowring.check.good', '_ws.expert.message']);
    expect(packets).toMatchObject([
      { 'flowring.check.good': ['0'], '_ws.expert.message': ['The CRC-32 is wrong'] },
      { '_ws.col.Info': ['malformed'], '_ws.expert.message': ['Not a whole packet'] },
    ]);
  });
});

(hasTshark ? describeOnTwoHosts : describe.skip)('what two hosts say', () => {
  test('is dissected without a rest', async () => {
    const on = await FlowHosts.relayed();
    try {
      await on.relay.record(10_000);
      const [server, client] = [await on.program('b'), await on.program('a')];
      await server.call('serveEcho', 'echo');
      for (const qos of ['raw', 'rawNoErrors', 'bestEffort', 'data']) {
        const flow = await client.call('alloc', 'echo', { layer: LAYER, qos });
        await client.call('roundTrip', flow, `over ${qos}`);
        await client.call('dealloc', flow);
      }
      const recorded = await on.relay.recorded();
      const { a, b } = on.hosts.addresses;
      const ends = {
        a: [a.own, b.own],
        b: [b.own, a.own],
      };
      const captured = recorded.map(({ from, atUs, datagram }) => {
        const [source, destination] = ends[from];
        return {
          atUs,
          datagram,
          from: { address: source!, port: UDP_PORT },
          to: { address: destination!, port: UDP_PORT },
        };
      });
      const packets = dissect(captured, [
        '_ws.col.Info',
        '_ws.expert.message',
        'flowring.message',
        'flowring.frcp.data',
      ]);
      expect(packets.flatMap((packet) => packet['_ws.expert.message'] ?? [])).toEqual([]);
      const texts = (field: string): string[] =>
        packets.flatMap((packet) => packet[field] ?? []).map((hex) => Buffer.from(hex, 'hex').toString());
      expect(texts('flowring.message')).toEqual(expect.arrayContaining(['over raw', 'over rawNoErrors']));
      expect(texts('flowring.frcp.data')).toEqual(expect.arrayContaining(['over bestEffort', 'over data']));
    } finally {
      await on.stop();
    }
  });
});
