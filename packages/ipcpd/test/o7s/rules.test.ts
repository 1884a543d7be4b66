// The rules for a peer of the C prototype, one test each. Those of FRCP are shown at the packet here; how they fare
// with a model of the C peer under loss is tested in packages/frcp.
import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { FrcpConnection, O7S_WIRE, resolveParams } from '@flowring/frcp';
import { DATAGRAM_MAX_BYTES, fitsDatagram, isFrcpRunt, O7S_PORT } from '../../src/core/o7s/datagram.ts';
import type { FlowReply, FlowRequest } from '../../src/core/o7s/management-frame.ts';
import { decodeFrame, encodeFrame, OAP_MAX_BYTES } from '../../src/core/o7s/management-frame.ts';
import { decodeOap } from '../../src/core/o7s/oap-header.ts';
import { hexOf } from './captures.ts';
import { O7sWorld } from './o7s-world.ts';

const MS = 1_000;
const FLAG = { DATA: 1, DRF: 2, ACK: 4, FC: 8, RDVS: 16 };
const OUR_NUMBER = 7_000;

interface Header {
  readonly flags: number;
  readonly window?: number;
  readonly seqno?: number;
  readonly ackno?: number;
}

/** One FRCP connection in the C format, and the packets it sent. */
class Ours {
  readonly conn = new FrcpConnection(resolveParams({ wire: O7S_WIRE, randomU32: () => OUR_NUMBER }), 0);
  nowUs = 0;
  readonly sent: Required<Header>[] = [];
  readonly #out = new Uint8Array(9_000);

  receive(header: Header, payload = ''): void {
    const pdu = new Uint8Array(12 + payload.length);
    const view = new DataView(pdu.buffer);
    view.setUint32(0, ((header.flags << 24) | ((header.window ?? 0) & 0xff_ffff)) >>> 0);
    view.setUint32(4, header.seqno ?? 0);
    view.setUint32(8, header.ackno ?? 0);
    pdu.set(new TextEncoder().encode(payload), 12);
    this.conn.handlePdu(this.nowUs, pdu, 0, pdu.length);
    this.poll();
  }

  write(text: string): void {
    expect(this.conn.write(this.nowUs, new TextEncoder().encode(text))).toBe('queued');
    this.poll();
  }

  read(): string[] {
    const read: string[] = [];
    for (let sdu = this.conn.read(); sdu !== null; sdu = this.conn.read())
      read.push(new TextDecoder().decode(sdu));
    this.poll();
    return read;
  }

  run(us: number): void {
    const endUs = this.nowUs + us;
    for (let at = this.conn.nextTimeout(); at !== null && at <= endUs; at = this.conn.nextTimeout()) {
      this.nowUs = Math.max(this.nowUs, at);
      this.conn.handleTimeout(this.nowUs);
      this.poll();
    }
    this.nowUs = endUs;
  }

  poll(): void {
    const view = new DataView(this.#out.buffer);
    while (this.conn.pollTransmit(this.nowUs, this.#out, 0) > 0)
      this.sent.push({
        flags: view.getUint8(0),
        window: view.getUint32(0) & 0xff_ffff,
        seqno: view.getUint32(4),
        ackno: view.getUint32(8),
      });
  }
}

describe('section 0 of the wire format', () => {
  //= R-OUDP-07
  test('1: ask for ber = 1', () => {
    for (const qos of Object.values(qosCubes)) {
      const world = new O7sWorld();
      world.request(7, { qos });
      expect((world.a.frames[0] as FlowRequest).qos.ber).toBe(1);
    }
  });

  test('2: no FRCP packet without DRF reaches a C peer before our first DATA is acknowledged', () => {
    const ours = new Ours();
    ours.receive({ flags: FLAG.DATA | FLAG.DRF, seqno: 500 }, 'ping');
    expect(ours.read()).toEqual(['ping']);
    ours.run(50 * MS);
    ours.write('late');
    ours.receive({ flags: FLAG.RDVS });
    ours.run(5_000 * MS);
    expect(ours.sent.length).toBeGreaterThan(3);
    for (const { flags, seqno } of ours.sent) {
      expect(flags & FLAG.DRF).toBe(FLAG.DRF);
      expect(seqno).toBe(OUR_NUMBER);
    }
    expect(ours.sent[0]!.flags & FLAG.DATA).toBe(0);
  });

  test('3: no FC or ACK before a receive run is open, and none believed before a number of ours was sent', () => {
    const ours = new Ours();
    ours.receive({ flags: FLAG.FC | FLAG.ACK });
    for (let n = 0; n < 3; n += 1) ours.write('x');
    expect(ours.sent.map(({ flags }) => flags & (FLAG.FC | FLAG.ACK))).toEqual([0, 0, 0]);
  });

  test('4: an acknowledgement counts only for what is under way, and the right edge moves forward only', () => {
    const ours = new Ours();
    for (let n = 0; n < 3; n += 1) ours.write('x');
    ours.receive({ flags: FLAG.ACK | FLAG.FC, ackno: OUR_NUMBER + 100, window: OUR_NUMBER + 200 });
    ours.receive({ flags: FLAG.ACK | FLAG.FC, ackno: OUR_NUMBER - 100, window: OUR_NUMBER + 200 });
    const before = ours.sent.length;
    ours.run(5_000 * MS);
    expect(ours.sent.slice(before).map(({ seqno }) => seqno)).toContain(OUR_NUMBER);
    ours.receive({ flags: FLAG.ACK | FLAG.FC, ackno: OUR_NUMBER + 3, window: OUR_NUMBER + 200 });
    ours.receive({ flags: FLAG.ACK | FLAG.FC, ackno: OUR_NUMBER + 3, window: OUR_NUMBER + 4 });
    for (let n = 0; n < 100; n += 1) ours.write('y');
    const numbers = new Set(ours.sent.map(({ seqno }) => seqno));
    expect(numbers).toContain(OUR_NUMBER + 102);
  });

  // Later than expected DRF is a number drawn anew: R-FRCP-95 says why that cannot be a gap.
  test('5: DRF in the middle of a run, expected or a copy, does not begin another', () => {
    const ours = new Ours();
    ours.receive({ flags: FLAG.DATA | FLAG.DRF, seqno: 500 }, 'a');
    ours.receive({ flags: FLAG.DATA | FLAG.DRF, seqno: 501 }, 'b');
    ours.receive({ flags: FLAG.DATA, seqno: 503 }, 'd');
    expect(ours.read()).toEqual(['a', 'b']);
    ours.receive({ flags: FLAG.DATA | FLAG.DRF, seqno: 500 }, 'a');
    ours.receive({ flags: FLAG.DATA | FLAG.DRF, seqno: 502 }, 'c');
    expect(ours.read()).toEqual(['c', 'd']);
    ours.receive({ flags: FLAG.DATA | FLAG.DRF, seqno: 502 }, 'c');
    expect(ours.read()).toEqual([]);
  });

  test('6: a window that opens again is told unasked, and told again', () => {
    const ours = new Ours();
    ours.write('first');
    ours.receive({ flags: FLAG.ACK | FLAG.FC, ackno: OUR_NUMBER + 1, window: OUR_NUMBER + 256 });
    for (let n = 0; n < 256; n += 1)
      ours.receive({ flags: n === 0 ? FLAG.DATA | FLAG.DRF : FLAG.DATA, seqno: 500 + n }, 'z');
    ours.run(2_000 * MS);
    const before = ours.sent.length;
    expect(ours.read().length).toBe(256);
    ours.run(2_000 * MS);
    const told = ours.sent.slice(before).filter(({ flags }) => (flags & FLAG.FC) !== 0);
    expect(told.length).toBeGreaterThan(2);
    for (const { window } of told) expect(window).toBe(500 + 512);
  });

  test('7: what is not acknowledged is sent again and again, though nothing was lost', () => {
    const ours = new Ours();
    ours.write('x');
    ours.run(20_000 * MS);
    expect(ours.sent.length).toBeGreaterThan(3);
    expect(new Set(ours.sent.map(({ seqno }) => seqno))).toEqual(new Set([OUR_NUMBER]));
  });

  //= R-OUDP-05
  //= R-OUDP-35
  test('8: management datagrams keep their bounds, and go only to an EID that was given', () => {
    const qos = qosCubes.raw;
    const nameHash = new Uint8Array(16);
    const asked = (oapBytes: number) =>
      encodeFrame({ t: 'request', sEid: 1, qos, nameHash, oap: new Uint8Array(oapBytes) });
    const replied = (oapBytes: number) =>
      encodeFrame({ t: 'reply', sEid: 1, dEid: 2, response: 0, oap: new Uint8Array(oapBytes) });
    expect([asked(0).length, asked(OAP_MAX_BYTES.request).length]).toEqual([63, 2_048]);
    expect([replied(0).length, replied(OAP_MAX_BYTES.reply).length]).toEqual([47, 2_048]);
    const world = new O7sWorld();
    world.request(7);
    world.run(0.1);
    expect(world.b.all('send')).toEqual([]);
    world.accept(9);
    world.run(10);
    const given = world.b.all('bind')[0]!.rEid;
    expect((world.b.frames[0] as FlowReply).sEid).toBe(given);
    const keepalives = world.b.all('send').slice(1);
    expect(keepalives.length).toBeGreaterThan(5);
    for (const { pdu } of keepalives) expect(new DataView(pdu.buffer).getUint32(0)).toBe(given);
  });

  //= R-OUDP-02
  test('9: the port is 3435 unless the layer says otherwise', () => {
    expect(O7S_PORT).toBe(3_435);
  });

  //= R-OUDP-30
  //= R-OUDP-31
  test('10: no request is repeated byte for byte, and a late refusal of an allocated flow is ignored', () => {
    const world = new O7sWorld();
    world.request(7);
    world.run(10);
    const requests = world.a.all('send').map(({ pdu }) => hexOf(pdu));
    expect(requests.length).toBeGreaterThan(1);
    expect(new Set(requests).size).toBe(requests.length);
    world.accept(9);
    world.run(0.1);
    const { sEid } = world.a.all('bind')[0]!;
    const refusal = { t: 'reply', sEid, dEid: 4, response: -1_009, oap: new Uint8Array(0) } as const;
    world.inject(world.a, 'b', encodeFrame(refusal));
    world.run(1);
    expect(world.a.all('ended')).toEqual([]);
    expect(world.a.told('ipcp-refused')).toEqual([]);
  });

  //= R-OUDP-11
  test('11: requests are stamped so that a C server takes them, 10 s of clock difference either way', () => {
    const world = new O7sWorld();
    world.request(7);
    const frame = decodeFrame(world.a.all('send')[0]!.pdu) as FlowRequest;
    const ageMs = Number((1_795_231_698_000_000_000n - decodeOap(frame.oap, 0)!.stampNs) / 1_000_000n);
    expect([ageMs - 10_000 > -100, ageMs + 10_000 < 20_000]).toEqual([true, true]);
  });

  //= R-OUDP-02
  test('12: at most 8976 bytes behind the EID over IPv4, 8948 over IPv6', () => {
    expect(fitsDatagram(8_976, 'udp4') && !fitsDatagram(8_977, 'udp4')).toBe(true);
    expect(DATAGRAM_MAX_BYTES.udp6 - 4).toBe(8_948);
    expect(O7S_WIRE.headerBytes + O7S_WIRE.payloadMaxBytes).toBe(8_976);
  });

  //= R-OUDP-04
  test('13: runts are ignored', () => {
    expect([4, 11].map(isFrcpRunt)).toEqual([true, true]);
    const ours = new Ours();
    for (const length of [0, 4]) ours.conn.handlePdu(0, new Uint8Array(length), 0, length);
    ours.poll();
    expect([ours.read(), ours.sent]).toEqual([[], []]);
  });
});
