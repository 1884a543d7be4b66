import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { FrcpConnection, O7S_WIRE, resolveParams } from '../src/index.ts';
import { newO7sHeader, O7S_FLAG, readO7sHeader, writeO7sHeader, type O7sHeader } from '../src/o7s/header.ts';
import { FLAG, newPci } from '../src/pci.ts';
import { SendWindow } from '../src/send-window.ts';
import { O7sPair } from './o7s-pair.ts';
import { message } from './pair.ts';
import { MS, SECOND } from './scenario-steps.ts';

const VECTORS = new URL('./o7s-vectors/', import.meta.url);

interface Packet {
  readonly atUs: number;
  readonly from: string;
  readonly pdu: Uint8Array;
}

function vector(name: string): Packet[] {
  return readFileSync(new URL(name, VECTORS), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [at, from, hex] = line.split(' ') as [string, string, string];
      const pdu = Uint8Array.from(hex === '-' ? '' : hex.match(/../g)!, (byte) => parseInt(byte, 16));
      return { atUs: Math.round(Number(at) * SECOND), from, pdu };
    });
}

function headerOf(pdu: Uint8Array): O7sHeader {
  const header = newO7sHeader();
  expect(readO7sHeader(pdu, 0, pdu.length, header)).toBe(true);
  return header;
}

function connection(over: Parameters<typeof resolveParams>[0]): FrcpConnection {
  return new FrcpConnection(resolveParams({ wire: O7S_WIRE, ...over }), 0);
}

const randomU32 = (): number => 7_000;

//= R-FRCP-91
//= R-FRCP-92
describe('every FRCP packet of the captures', () => {
  const files = readdirSync(VECTORS).filter((name) => name.endsWith('.txt'));

  test.each(files)('%s is decoded and encodes to the same bytes', (name) => {
    let packets = 0;
    for (const { pdu } of vector(name)) {
      const header = newO7sHeader();
      if (pdu.length < 12) {
        expect(readO7sHeader(pdu, 0, pdu.length, header)).toBe(false);
        continue;
      }
      const again = pdu.slice();
      again.fill(0xee, 0, 12);
      readO7sHeader(pdu, 0, pdu.length, header);
      expect(writeO7sHeader(again, 0, header)).toBe(12);
      expect(again).toEqual(pdu);
      packets++;
    }
    expect(packets).toBeGreaterThan(5);
  });

  // C says more than we: a window that means nothing behind an acknowledgement alone, a seqno behind DRF control.
  test.each(files)('%s means the same to the machine: what it took in, it would write', (name) => {
    for (const { pdu } of vector(name)) {
      if (pdu.length < 12) continue;
      const header = headerOf(pdu);
      const sent = new SendWindow(true);
      // Our edge is somewhere near the one told.
      sent.edge = sent.nxt = 0;
      sent.base = header.window - 100;
      const pci = newPci();
      expect(O7S_WIRE.decode(pdu, 0, pdu.length, pci, sent)).toBe(true);
      if ((header.flags & O7S_FLAG.ACK) === 0) pci.flags |= FLAG.WINDOW_ONLY;
      const again = pdu.slice();
      O7S_WIRE.encode(again, 0, pci);
      const isAckAlone = (header.flags & (O7S_FLAG.ACK | O7S_FLAG.FC)) === O7S_FLAG.ACK;
      if (isAckAlone) again.set([pdu[0]!, 0, 0, 0]);
      expect(again).toEqual(pdu);
    }
  });
});

describe('decoding', () => {
  test.prop([fc.uint8Array({ maxLength: 40 })])('any bytes never throws', (buf) => {
    O7S_WIRE.decode(buf, 0, buf.length, newPci(), new SendWindow(true));
    const conn = connection({ randomU32 });
    conn.write(0, message(0));
    conn.handlePdu(0, buf, 0, buf.length);
  });

  test('a keepalive is nothing, a runt is malformed', () => {
    const conn = connection({ randomU32 });
    conn.handlePdu(0, new Uint8Array(0), 0, 0);
    expect(conn.stats.malformed).toBe(0);
    conn.handlePdu(0, new Uint8Array(4), 0, 4);
    expect(conn.stats.malformed).toBe(1);
  });

  test.prop([
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.integer({ min: -300, max: 256 }),
    fc.integer({ min: 0, max: 200 }),
  ])('the edge is made full from 24 bits, forward only', (base, ahead, inFlight) => {
    const sent = new SendWindow(true);
    sent.base = base | 0;
    sent.edge = 1_000;
    sent.nxt = 1_000 - inFlight;
    const pdu = new Uint8Array(12);
    writeO7sHeader(pdu, 0, {
      flags: O7S_FLAG.FC,
      window: (base + 1_000 + ahead) | 0,
      seqno: 0,
      ackno: 0,
    });
    const pci = newPci();
    O7S_WIRE.decode(pdu, 0, 12, pci, sent);
    const isBelieved = ahead > 0 && ahead + inFlight <= 256;
    expect(pci.edge).toBe((base + 1_000 + (isBelieved ? ahead : 0)) | 0);
    expect(pci.ack).toBe(base | 0);
  });

  test('with a checksum, a wrong one is dropped', () => {
    const [first] = vector('probe-crc-ber0.txt');
    const conn = connection({ randomU32, integrity: true });
    const bad = first!.pdu.slice();
    bad[20]! ^= 1;
    conn.handlePdu(0, bad, 0, bad.length);
    expect([conn.readableSdus, conn.stats.malformed]).toEqual([0, 1]);
    conn.handlePdu(0, first!.pdu, 0, first!.pdu.length);
    expect(conn.read()!.length).toBe(64);
  });
});

//= R-FRCP-90
describe('limits of the format', () => {
  test('streams and reliable lower flows are refused', () => {
    for (const over of [{ stream: true }, { lowerReliable: true }])
      expect(() => connection({ randomU32, ...over })).toThrow(RangeError);
  });

  test('an SDU larger than a packet is too large', () => {
    const conn = connection({ randomU32, mtuBytes: 1_400 });
    expect(conn.write(0, new Uint8Array(1_388))).toBe('queued');
    expect(conn.write(0, new Uint8Array(1_389))).toBe('too-large');
  });

  test('a peer with larger packets is understood', () => {
    const pair = new O7sPair({ params: { mtuBytes: 1_400 } });
    pair.peerWrites(message(0, 8_964));
    pair.run(SECOND);
    expect(pair.ours).toEqual([message(0, 8_964)]);
  });

  test('no more than 64 packets leave before the peer grants more', () => {
    const conn = connection({ randomU32 });
    const out = new Uint8Array(100);
    for (let n = 0; n < 100; n++) conn.write(0, message(n));
    let sent = 0;
    while (conn.pollTransmit(0, out, 0) > 0) sent++;
    expect(sent).toBe(64);
  });

  test('abort and close send nothing the format does not have', () => {
    for (const end of ['abort', 'close'] as const) {
      const pair = new O7sPair();
      pair.write(message(0));
      pair.run(SECOND);
      const before = pair.sent.length;
      pair.conn[end](pair.nowUs);
      pair.run(SECOND);
      expect(pair.sent.length).toBe(before);
    }
  });

  test('a queued SDU that does not fit a new lower flow ends the flow', () => {
    const pair = new O7sPair();
    pair.lossRate = 1;
    pair.write(message(0, 2_000));
    pair.conn.moveLower(pair.nowUs, { mtuBytes: 1_400, mplUs: SECOND });
    pair.run(MS);
    expect(pair.events).toContainEqual({ type: 'down', reason: 'gave-up', unackedSdus: 1 });
  });
});

describe('recorded exchanges', () => {
  /** Puts us in the place of `side`: its numbers, its writes at their times, and all that the other sent. */
  function replay(name: string, side: string, over: Partial<Parameters<typeof resolveParams>[0]> = {}) {
    const packets = vector(name).filter(({ pdu }) => pdu.length === 0 || pdu.length >= 12);
    const own = packets.filter(({ from, pdu }) => from === side && pdu.length > 12);
    const first = headerOf(own[0]!.pdu).seqno;
    const conn = connection({ randomU32: () => first, ...over });
    const out = new Uint8Array(10_000);
    const sent: Packet[] = [];
    const read: Uint8Array[] = [];
    const written = new Set<number>();
    const poll = (atUs: number): void => {
      for (let sdu = conn.read(); sdu !== null; sdu = conn.read()) read.push(sdu.slice());
      for (let n = conn.pollTransmit(atUs, out, 0); n > 0; n = conn.pollTransmit(atUs, out, 0))
        sent.push({ atUs, from: 'us', pdu: out.slice(0, n) });
    };
    for (const { atUs, from, pdu } of packets) {
      for (let at = conn.nextTimeout(); at !== null && at < atUs; at = conn.nextTimeout()) {
        conn.handleTimeout(at);
        poll(at);
      }
      if (from !== side) conn.handlePdu(atUs, pdu, 0, pdu.length);
      else if (pdu.length > 12 && !written.has(headerOf(pdu).seqno)) {
        written.add(headerOf(pdu).seqno);
        expect(conn.write(atUs, pdu.subarray(12))).toBe('queued');
      }
      poll(atUs);
    }
    const theirs = new Map<number, Uint8Array>();
    for (const { from, pdu } of packets)
      if (from !== side && pdu.length > 12) theirs.set(headerOf(pdu).seqno, pdu.subarray(12));
    return { conn, sent, read, theirs: [...theirs.values()], own, packets };
  }

  test('ping: the same data packets as the C client, and every pong once', () => {
    const { sent, read, own, theirs } = replay('frcp-oping-data.txt', 'A');
    const data = sent.filter(({ pdu }) => pdu.length > 12);
    expect(data.map(({ pdu }) => headerOf(pdu).seqno)).toEqual(own.map(({ pdu }) => headerOf(pdu).seqno));
    expect(data.map(({ pdu }) => [...pdu.subarray(12)])).toEqual(own.map(({ pdu }) => [...pdu.subarray(12)]));
    expect(data[0]!.pdu).toEqual(own[0]!.pdu);
    expect(read).toEqual(theirs);
  });

  test('ping: acknowledgement and window are those of the C client wherever it had read all', () => {
    const { sent, own } = replay('frcp-oping-data.txt', 'A');
    const data = sent.filter(({ pdu }) => pdu.length > 12);
    for (const [n, { pdu }] of data.entries()) {
      if (n === 0) continue;
      const [ours, its] = [headerOf(pdu), headerOf(own[n]!.pdu)];
      expect(ours.ackno).toBe(its.ackno);
      expect(ours.flags).toBe(its.flags);
      // C's edge moves when its program reads, a packet later in this capture; ours is never behind it.
      expect((ours.window - its.window) & 0xff_ffff).toBeLessThanOrEqual(1);
    }
  });

  test('pong: in the place of the C server all answers are acknowledged', () => {
    const { conn, sent } = replay('frcp-oping-data.txt', 'B');
    expect(conn.unackedSdus).toBe(0);
    expect(conn.stats.badAcks).toBe(0);
    expect(sent.filter(({ pdu }) => headerOf(pdu).flags === 0x0f).length).toBeGreaterThanOrEqual(4);
  });

  test.each(['A', 'B'])('without retransmission: packets of %s as the C end sent them', (side) => {
    const { sent, own, read, theirs } = replay('frcp-oping-best.txt', side, { reliable: false });
    const data = sent.filter(({ pdu }) => pdu.length > 12);
    expect(data.map(({ pdu }) => headerOf(pdu).flags)).toEqual(own.map(({ pdu }) => headerOf(pdu).flags));
    expect(data.map(({ pdu }) => headerOf(pdu).seqno)).toEqual(own.map(({ pdu }) => headerOf(pdu).seqno));
    expect(read).toEqual(theirs);
  });

  test('loss: 25 echoes with every fifth packet lost are understood from the other side', () => {
    const { conn, read, theirs } = replay('frcp-loss-b-in.txt', 'A');
    expect(read).toEqual(theirs);
    expect(conn.unackedSdus).toBe(0);
    expect(conn.stats.malformed).toBe(0);
  });

  test('a pure sender of C, whose window and ackno mean nothing, moves nothing', () => {
    const conn = connection({ randomU32 });
    conn.write(0, message(0));
    const out = new Uint8Array(100);
    conn.pollTransmit(0, out, 0);
    for (const { from, atUs, pdu } of vector('frcp-oneway-reliable.txt'))
      if (from === 'A') conn.handlePdu(atUs, pdu, 0, pdu.length);
    expect(conn.unackedSdus).toBe(1);
    expect(conn.stats.badAcks).toBeGreaterThan(10);
    let count = 0;
    while (conn.read() !== null) count++;
    expect(count).toBe(40);
  });

  test("the window: each of C's probes is answered at once with a window that is open", () => {
    const conn = connection({ randomU32 });
    const out = new Uint8Array(100);
    let probes = 0;
    for (const { from, atUs, pdu } of vector('frcp-window-closed-nonblocking.txt')) {
      if (from !== 'B' || pdu.length < 12) continue;
      conn.handlePdu(atUs, pdu, 0, pdu.length);
      while (conn.read() !== null);
      const n = conn.pollTransmit(atUs, out, 0);
      if ((headerOf(pdu).flags & O7S_FLAG.RDVS) === 0) continue;
      probes++;
      const answer = headerOf(out.subarray(0, n));
      expect(answer.flags & O7S_FLAG.FC).toBe(O7S_FLAG.FC);
      expect((answer.window - answer.ackno) & 0xff_ffff).toBe(256);
    }
    expect(probes).toBe(9);
  });

  test('the storm: every packet once, however often it comes', () => {
    const conn = connection({ randomU32 });
    const seen = new Set<number>();
    let count = 0;
    for (const { from, atUs, pdu } of vector('frcp-retransmit-storm-first700.txt')) {
      if (from !== 'A' || pdu.length <= 12) continue;
      seen.add(headerOf(pdu).seqno);
      conn.handlePdu(atUs, pdu, 0, pdu.length);
      while (conn.read() !== null) count++;
    }
    expect(count).toBe(seen.size);
  });

  test('one direction idle for 150 s: the number drawn anew is taken, and nothing of the old run acknowledged', () => {
    const conn = connection({ randomU32 });
    const out = new Uint8Array(100);
    const got = new Set<string>();
    let redrawn = false;
    let last = 0;
    for (const { from, atUs, pdu } of vector('exp-one-direction-idle.txt')) {
      if (from !== 'B' || pdu.length < 12) continue;
      const { flags, seqno } = headerOf(pdu);
      if ((flags & O7S_FLAG.DATA) !== 0) {
        redrawn ||= last !== 0 && Math.abs((seqno - last) | 0) > 1_000;
        last = seqno;
      }
      conn.handlePdu(atUs, pdu, 0, pdu.length);
      for (let sdu = conn.read(); sdu !== null; sdu = conn.read()) got.add([...sdu].join());
      for (let n = conn.pollTransmit(atUs, out, 0); n > 0; n = conn.pollTransmit(atUs, out, 0)) {
        const ours = headerOf(out.subarray(0, n));
        if ((ours.flags & O7S_FLAG.ACK) !== 0) expect(Math.abs((ours.ackno - last) | 0)).toBeLessThan(300);
      }
    }
    expect(redrawn).toBe(true);
    expect(got.size).toBeGreaterThan(3);
  });
});
