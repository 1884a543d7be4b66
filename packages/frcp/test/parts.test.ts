import { describe, expect } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { crc32 } from '../src/crc32.ts';
import { resolveParams } from '../src/index.ts';
import { deriveTimes } from '../src/params.ts';
import { decodePci, encodePci, FLAG, newPci, PCI_BYTES, sealTrailer, trailerMatches } from '../src/pci.ts';
import { ReadQueue } from '../src/read-queue.ts';
import { ReorderQueue } from '../src/reorder-queue.ts';
import { RttEstimator } from '../src/rtt-estimator.ts';
import { SendWindow } from '../src/send-window.ts';
import { FrcpConnection } from '../src/index.ts';
import { seqBefore, seqDiff, seqMax, seqWithin } from '../src/seq.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.uint8Array({ maxLength: 120 });
const randomU32 = (): number => 42;

describe('serial arithmetic', () => {
  test.prop([u32, fc.integer({ min: 1, max: 0x7fff_ffff })])('n is before n + d, across the wrap', (n, d) => {
    expect(seqBefore(n, n + d)).toBe(true);
    expect(seqBefore(n + d, n)).toBe(false);
    expect(seqDiff(n + d, n)).toBe(d);
    expect(seqMax(n, n + d) | 0).toBe((n + d) | 0);
  });

  test.prop([u32, fc.integer({ min: 0, max: 1000 }), fc.integer({ min: -2000, max: 2000 })])(
    'within is a closed range',
    (low, span, offset) => {
      expect(seqWithin(low + offset, low, low + span)).toBe(offset >= 0 && offset <= span);
    },
  );
});

describe('header', () => {
  const numbered = fc.constantFrom(
    FLAG.DATA,
    FLAG.DATA | FLAG.DRF | FLAG.ACK,
    FLAG.RDVS,
    FLAG.RESET | FLAG.ACK,
  );
  test.prop([numbered, u32, u32, u32, fc.integer({ min: 0, max: 0xffff })])(
    'decodes to what was encoded',
    (flags, seq, ack, edge, credit) => {
      const out = new Uint8Array(32);
      const pci = {
        ...newPci(),
        flags,
        seq: seq | 0,
        ack: ack | 0,
        edge: edge | 0,
        creditBytes: credit << 8,
      };
      const n = encodePci(out, 3, pci);
      const back = newPci();
      expect(decodePci(out, 3, 3 + n, back)).toBe(true);
      expect(back).toMatchObject({
        flags,
        seq: seq | 0,
        ack: ack | 0,
        edge: edge | 0,
        creditBytes: credit << 8,
      });
    },
  );

  test.prop([bytes])('decoding any bytes never throws', (buf) => {
    decodePci(buf, 0, buf.length, newPci());
  });

  test.prop([bytes, fc.nat(), fc.integer({ min: 0, max: 7 })])(
    'a flipped bit never passes the checksum',
    (data, at, bit) => {
      const buf = new Uint8Array(data.length + PCI_BYTES + 4);
      buf.set(data, PCI_BYTES);
      const size = sealTrailer(buf, 0, data.length + PCI_BYTES, crc32);
      expect(trailerMatches(buf, 0, size, crc32)).toBe(true);
      buf[at % size]! ^= 1 << bit;
      expect(trailerMatches(buf, 0, size, crc32)).toBe(false);
    },
  );

  test('the checksum is CRC-32', () => {
    const check = new Uint8Array([...'123456789'].map((c) => c.charCodeAt(0)));
    expect(crc32(check, 0, 9) >>> 0).toBe(0xcbf43926);
  });
});

describe('a connection', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('write' as const), size: fc.integer({ min: 0, max: 3000 }) }),
    fc.record({ do: fc.constant('pdu' as const), bytes }),
    fc.record({
      do: fc.constant('shaped' as const),
      flags: fc.integer({ min: 0, max: 255 }),
      seq: fc.integer({ min: 35, max: 60 }),
      ack: fc.integer({ min: 35, max: 60 }),
      tail: bytes,
    }),
    fc.record({ do: fc.constantFrom('read', 'close', 'abort', 'timeout', 'compact', 'move') }),
  );
  test.prop([fc.array(step, { maxLength: 60 })])('never throws and always comes to rest', (steps) => {
    const conn = new FrcpConnection(resolveParams({ randomU32, mtuBytes: 200, sduMaxBytes: 2_000 }), 0);
    const out = new Uint8Array(4096);
    let now = 0;
    for (const s of steps) {
      now += 20_000;
      if (s.do === 'write') conn.write(now, new Uint8Array(s.size));
      else if (s.do === 'pdu') conn.handlePdu(now, s.bytes, 0, s.bytes.length);
      else if (s.do === 'shaped') {
        const pdu = new Uint8Array(16 + s.tail.length);
        encodePci(pdu, 0, {
          ...newPci(),
          flags: s.flags,
          seq: s.seq,
          ack: s.ack,
          edge: s.ack + 9,
          creditBytes: 4096,
        });
        pdu.set(s.tail, 16);
        conn.handlePdu(now, pdu, 0, pdu.length);
      } else if (s.do === 'read') conn.read();
      else if (s.do === 'close') conn.close(now);
      else if (s.do === 'abort') conn.abort(now);
      else if (s.do === 'compact') conn.compact();
      else if (s.do === 'move') conn.moveLower(now, { mtuBytes: 150 + (now % 100), mplUs: 1_000_000 });
      else conn.handleTimeout(now);
      let sent = 0;
      for (let n = conn.pollTransmit(now, out, 0); n > 0; n = conn.pollTransmit(now, out, 0)) {
        expect(n).toBeLessThanOrEqual(200 + 50);
        expect(++sent).toBeLessThan(5_000);
      }
      while (conn.pollEvent() !== null);
    }
    for (let n = 0; n < 2_000 && conn.nextTimeout() !== null; n++) {
      now = Math.max(now, conn.nextTimeout()!);
      conn.handleTimeout(now);
      expect(conn.nextTimeout() ?? Infinity).toBeGreaterThan(now);
      while (conn.pollTransmit(now, out, 0) > 0);
    }
  });
});

describe('buffers', () => {
  test.prop([
    fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 12 }),
    fc.integer({ min: 1, max: 700 }),
  ])('what goes into the send window comes out of it, cut and across the ring', (sizes, payloadMax) => {
    const window = new SendWindow(true);
    const wanted: number[] = [];
    const got: number[] = [];
    let fill = 0;
    const drain = (keep: number): void => {
      while (window.queuedPdus > keep) {
        const out = new Uint8Array(payloadMax);
        const index = window.una;
        window.markFirstTransmission(0);
        got.push(...out.subarray(0, window.copyOut(index, out, 0)));
        window.acknowledge((index + 1) | 0);
      }
    };
    for (const size of sizes) {
      const sdu = new Uint8Array(size).map(() => fill++);
      wanted.push(...sdu);
      window.append(sdu, payloadMax);
      drain(3);
    }
    drain(0);
    expect(got).toEqual(wanted);
    expect(window.unackedSdus).toBe(0);
    expect(window.queuedBytes).toBe(0);
  });

  test.prop([fc.array(fc.boolean(), { maxLength: 200 })])(
    'the read queue is first in, first out',
    (pushes) => {
      const queue = new ReadQueue();
      const model: number[] = [];
      let n = 0;
      for (const push of pushes) {
        if (push) {
          queue.push(new Uint8Array([0, ++n, 0]), 1, 2);
          model.push(n);
        } else expect(queue.shift((buf, start, end) => buf.subarray(start, end))?.[0]).toBe(model.shift());
        if (n % 7 === 0) queue.compact();
        expect(queue.length).toBe(model.length);
        expect(queue.heldBytes).toBe(model.length);
      }
    },
  );

  test.prop([fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 60 }), u32])(
    'the reorder queue gives back what it holds, and tells the ranges',
    (offsets, low) => {
      const queue = new ReorderQueue();
      const base = low | 0;
      const into = { buf: new Uint8Array(0), start: 0, end: 0, flags: 0 };
      for (const o of offsets) queue.put((base + o) | 0, base, new Uint8Array([o & 255]), 0, 1, o & 3);
      const out = new Uint8Array(8 * 200);
      const ranges = queue.writeRanges(base, 0, out, 0, 200);
      const sorted = [...offsets].sort((x, y) => x - y);
      const starts = sorted.filter((o) => !offsets.includes(o - 1));
      expect(ranges).toBe(starts.length);
      for (const o of sorted) {
        expect(queue.has((base + o) | 0, base)).toBe(true);
        expect(queue.take((base + o) | 0, into)).toBe(true);
        expect(into.buf[0]).toBe(o & 255);
      }
      expect(queue.count).toBe(0);
      expect(queue.heldBytes).toBe(0);
    },
  );
});

describe('times', () => {
  const us = fc.integer({ min: 0, max: 190_000_000 });
  test.prop([us, us, us])(
    'a new run starts only when the peer has surely forgotten the old one',
    (mplUs, rUs, aUs) => {
      fc.pre(mplUs + rUs + aUs > 0 && mplUs + rUs + aUs <= 600_000_000);
      const t = deriveTimes(resolveParams({ mplUs, rUs, aUs, randomU32 }), mplUs, 1_400);
      expect(t.senderTimerUs * 0.98 + 1e-3).toBeGreaterThanOrEqual(t.receiverTimerUs * 1.02 + rUs + mplUs);
      expect(t.giveUpUs).toBe(rUs + 2 * mplUs + aUs);
      expect(t.rtoMaxUs).toBeLessThanOrEqual(Math.max(1, rUs / 4));
    },
  );

  test('the timeout doubles, is bounded, and comes back down', () => {
    const times = deriveTimes(resolveParams({ randomU32 }), 1_000_000, 1_400);
    const rtt = new RttEstimator();
    for (let n = 0; n < 50; n++) rtt.sample(20_000);
    const base = rtt.rtoUs(times);
    expect(base).toBeGreaterThanOrEqual(70_000);
    rtt.backoff = 1;
    expect(rtt.rtoUs(times)).toBeGreaterThan(1.9 * base);
    rtt.backoff = 20;
    expect(rtt.rtoUs(times)).toBe(Math.floor(30_000_000 / 64));
  });

  //= R-FRCP-42
  test('the timeout leaves a step of both clocks for an acknowledgement that takes A', () => {
    const times = deriveTimes(resolveParams({ randomU32, rUs: 2_000_000 }), 1_000_000, 1_400);
    const rtt = new RttEstimator();
    for (let n = 0; n < 50; n++) rtt.sample(0);
    expect(rtt.rtoUs(times)).toBe(times.aUs + 2);
  });

  test('a wrong parameter is named', () => {
    expect(() => resolveParams({ randomU32, mtuBytes: 10 })).toThrow(/mtuBytes/);
    expect(() => resolveParams({ randomU32, aUs: 0.5 })).toThrow(/aUs/);
    expect(() => resolveParams({ randomU32, windowFirstBytes: 4_095 })).toThrow(/windowFirstBytes/);
    expect(() => resolveParams({ randomU32, mplUs: 5e8, rUs: 5e8 })).toThrow(/mplUs \+ rUs/);
  });
});
