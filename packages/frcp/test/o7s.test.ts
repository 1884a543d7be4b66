import { describe, expect, test } from '@jest/globals';
import { FrcpConnection, O7S_WIRE, resolveParams } from '../src/index.ts';
import { newO7sHeader, O7S_FLAG, readO7sHeader, type O7sHeader } from '../src/o7s/header.ts';
import { O7sPair } from './o7s-pair.ts';
import { message } from './pair.ts';
import { Prng } from './prng.ts';
import { MINUTE, MS, SECOND } from './scenario-steps.ts';

function headerOf(pdu: Uint8Array): O7sHeader {
  const header = newO7sHeader();
  expect(readO7sHeader(pdu, 0, pdu.length, header)).toBe(true);
  return header;
}

function connection(over: Parameters<typeof resolveParams>[0]): FrcpConnection {
  return new FrcpConnection(resolveParams({ wire: O7S_WIRE, ...over }), 0);
}

describe('with a peer as the C prototype is', () => {
  function echo(pair: O7sPair, count: number, thinkUs: number): void {
    let answered = 0;
    const answer = (): void => {
      const waiting = pair.theirs.slice(answered);
      answered += waiting.length;
      for (const sdu of waiting) pair.after(thinkUs, () => pair.peerWrites(sdu));
      if (answered < count) pair.after(5 * MS, answer);
    };
    answer();
    for (let n = 0; n < count; n++)
      pair.after(n * 20 * MS, () => expect(pair.write(message(n))).toBe('queued'));
  }

  test.each([0, 12, 50, 200])('an answer %d ms late arrives', (thinkMs) => {
    const pair = new O7sPair();
    echo(pair, 10, thinkMs * MS);
    pair.run(5 * SECOND);
    expect(pair.ours).toEqual(Array.from({ length: 10 }, (_, n) => message(n)));
  });

  //= R-FRCP-93
  test('our own late answer arrives: C has learnt our number with the first acknowledgement', () => {
    const pair = new O7sPair();
    pair.peerWrites(message(1));
    pair.run(200 * MS);
    expect(pair.sent.length).toBe(1);
    expect(headerOf(pair.sent[0]!).flags).toBe(O7S_FLAG.DRF | O7S_FLAG.ACK | O7S_FLAG.FC);
    pair.write(message(2));
    pair.run(SECOND);
    expect(pair.theirs).toEqual([message(2)]);
    expect(headerOf(pair.sent[1]!).seqno).toBe(headerOf(pair.sent[0]!).seqno);
  });

  test('that first acknowledgement may be lost', () => {
    const pair = new O7sPair();
    let first = true;
    pair.onSent = () => !first || (first = false);
    pair.peerWrites(message(1));
    pair.run(100 * MS);
    pair.write(message(2));
    pair.run(5 * SECOND);
    expect(pair.theirs).toEqual([message(2)]);
    expect(pair.peer.unacked).toBe(0);
  });

  test.each([0, 0.05, 0.2])('400 messages both ways at a loss of %d', (lossRate) => {
    for (let seed = 1; seed <= 2; seed++) {
      const pair = new O7sPair({ seed, lossRate });
      const wanted = Array.from({ length: 400 }, (_, n) => message(n));
      let there = 0;
      let back = 0;
      const go = (): void => {
        while (there < 400 && pair.write(wanted[there]!) === 'queued') there++;
        while (back < 400 && pair.peerWrites(wanted[back]!)) back++;
        if (there + back < 800) pair.after(20 * MS, go);
      };
      go();
      pair.run(110 * SECOND, () => pair.ours.length === 400 && pair.theirs.length === 400);
      expect(pair.ours).toEqual(wanted);
      expect(pair.theirs).toEqual(wanted);
      pair.conn.close(pair.nowUs);
      pair.run(30 * SECOND);
      expect(pair.events).toContainEqual({ type: 'closed', unackedSdus: 0 });
      expect(pair.peer.isDown).toBe(false);
    }
  });

  //= R-FRCP-95
  //= R-FRCP-94
  test.each([147, 200, 400])('C silent for %d s while we stream: its new number is understood', (idle) => {
    const pair = new O7sPair();
    pair.peerWrites(message(1));
    pair.run(SECOND);
    let n = 10;
    const stream = (): void => {
      pair.write(message(n++));
      pair.after(2 * SECOND, stream);
    };
    stream();
    pair.run(idle * SECOND);
    pair.peerWrites(message(2));
    pair.run(10 * SECOND);
    expect(pair.peer.redraws).toBe(2);
    expect(pair.ours).toEqual([message(1), message(2)]);
    expect(pair.peer.unacked).toBe(0);
  });

  test('a number drawn anew while its old run is known here is understood', () => {
    const pair = new O7sPair({ lossRate: 1 });
    pair.peerWrites(message(1));
    pair.run(50 * SECOND);
    // Our run lives on from the copy that comes now; C counts from its first transmission.
    pair.lossRate = 0;
    pair.run(99 * SECOND);
    expect(pair.ours.length).toBe(1);
    expect(pair.conn.inspect(pair.nowUs)).toMatchObject({ dormant: { receive: { run: 'open' } } });
    pair.peerWrites(message(2));
    pair.run(5 * SECOND);
    expect(pair.peer.redraws).toBe(2);
    expect(pair.ours).toEqual([message(1), message(2)]);
  });

  test('we silent for 10 minutes while C streams: our next message arrives', () => {
    const pair = new O7sPair();
    pair.write(message(1));
    pair.run(SECOND);
    let n = 0;
    const stream = (): void => {
      if (n < 300) {
        pair.peerWrites(message(n++));
        pair.after(2 * SECOND, stream);
      }
    };
    stream();
    pair.run(10 * MINUTE);
    pair.write(message(2));
    pair.run(5 * SECOND);
    expect(pair.theirs).toEqual([message(1), message(2)]);
    expect(pair.peer.refused).toBe(0);
  });

  //= R-FRCP-94
  test('both silent for an hour, then both speak', () => {
    const pair = new O7sPair();
    for (const n of [1, 2]) {
      pair.write(message(n));
      pair.peerWrites(message(n + 10));
      pair.run(60 * MINUTE);
    }
    expect(pair.theirs).toEqual([message(1), message(2)]);
    expect(pair.ours).toEqual([message(11), message(12)]);
  });

  //= R-FRCP-96
  test.each([0, 0.5])(
    'C stops asking after 1 s; our window opens it after a pause of 10 minutes, loss %d',
    (lossRate) => {
      const pair = new O7sPair({ seed: 4 });
      pair.reading.us = false;
      let n = 0;
      const write = (): void => {
        if (pair.peerWrites(message(n))) n++;
        if (n < 600) pair.after(20 * MS, write);
      };
      write();
      pair.run(10 * MINUTE);
      expect(n).toBe(256);
      pair.lossRate = lossRate;
      pair.reading.us = true;
      pair.run(30 * SECOND, () => n > 256);
      pair.lossRate = 0;
      pair.run(60 * SECOND, () => pair.ours.length === 600);
      expect(pair.ours).toEqual(Array.from({ length: 600 }, (_, i) => message(i)));
    },
  );

  test('the news of an open window is told again until data comes, then no more', () => {
    const pair = new O7sPair();
    pair.reading.us = false;
    for (let n = 0; n < 300; n++) {
      pair.peerWrites(message(n));
      pair.run(2 * MS);
    }
    pair.run(5 * SECOND);
    let told = 0;
    pair.onSent = () => ++told > 3;
    pair.reading.us = true;
    pair.run(2 * SECOND);
    expect(told).toBeGreaterThanOrEqual(4);
    expect(pair.peerWrites(message(256))).toBe(true);
    pair.run(SECOND);
    told = 0;
    pair.run(10 * MINUTE);
    expect(told).toBe(0);
  });

  test('a read of a few messages opens a used-up window too', () => {
    const pair = new O7sPair();
    pair.reading.us = false;
    for (let n = 0; n < 300; n++) {
      pair.peerWrites(message(n));
      pair.run(2 * MS);
    }
    pair.run(5 * SECOND);
    expect(pair.peerWrites(message(256))).toBe(false);
    pair.conn.read();
    pair.run(SECOND);
    expect(pair.peerWrites(message(256))).toBe(true);
  });

  test('C reads nothing for 60 s: our writes wait, and go on when it reads', () => {
    const pair = new O7sPair();
    pair.reading.them = false;
    let n = 0;
    const write = (): void => {
      while (n < 400 && pair.write(message(n)) === 'queued') n++;
      if (n < 400) pair.after(100 * MS, write);
    };
    write();
    pair.run(60 * SECOND);
    expect(pair.events).not.toContainEqual(expect.objectContaining({ type: 'down' }));
    pair.reading.them = true;
    pair.run(60 * SECOND, () => pair.theirs.length === 400);
    expect(pair.theirs).toEqual(Array.from({ length: 400 }, (_, i) => message(i)));
  });

  //= R-FRCP-97
  test.each([0, 0.3])(
    'without retransmission, one way: C does not stop after 64 packets, loss %d',
    (lossRate) => {
      const pair = new O7sPair({ seed: 6, lossRate, params: { reliable: false } });
      const random = new Prng(3);
      let written = 0;
      const write = (): void => {
        if (pair.peerWrites(message(written))) written++;
        if (written < 1_000) pair.after(random.below(10 * MS), write);
      };
      write();
      pair.run(120 * SECOND);
      expect(written).toBe(1_000);
      expect(pair.ours.length).toBeGreaterThan(1_000 * (1 - lossRate) - 60);
      for (const pdu of pair.sent) expect(headerOf(pdu).flags).toBe(O7S_FLAG.DRF | O7S_FLAG.FC);
    },
  );

  test('without retransmission our first message arrives however late', () => {
    const pair = new O7sPair({ params: { reliable: false } });
    for (let n = 0; n < 40; n++) {
      pair.peerWrites(message(n));
      pair.run(5 * MS);
    }
    pair.write(message(99));
    pair.run(SECOND);
    expect(pair.theirs).toEqual([message(99)]);
  });

  test('no acknowledgement is ever of what C did not send, nor an edge beyond its queue', () => {
    const pair = new O7sPair({ seed: 8, lossRate: 0.2 });
    pair.onSent = (pdu) => {
      const { flags, seqno } = headerOf(pdu);
      if ((flags & O7S_FLAG.DATA) === 0) expect(flags & O7S_FLAG.DRF).toBe(O7S_FLAG.DRF);
      else expect(seqno).toBeDefined();
      return true;
    };
    for (let n = 0; n < 100; n++) {
      pair.peerWrites(message(n));
      if (n % 3 === 0) pair.write(message(n));
      pair.run(30 * MS);
    }
    pair.run(60 * SECOND);
    expect(pair.ours.length).toBe(100);
    expect(pair.theirs.length).toBe(34);
    expect(pair.peer.refused).toBe(0);
  });
});

test('two of ours understand each other in the C format', () => {
  let next = 1;
  const make = (): FrcpConnection =>
    connection({ randomU32: () => (next = Math.imul(next, 0x9e37_79b1) + 1) >>> 0 });
  const [a, b] = [make(), make()];
  const out = new Uint8Array(10_000);
  const got: Uint8Array[] = [];
  let now = 0;
  const random = new Prng(5);
  for (let n = 0; n < 3_000 && got.length < 200; n++) {
    now += 10 * MS;
    if (n < 200) a.write(now, message(n, 100));
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      if ((from.nextTimeout() ?? Infinity) <= now) from.handleTimeout(now);
      for (let k = from.pollTransmit(now, out, 0); k > 0; k = from.pollTransmit(now, out, 0))
        if (!random.chance(0.2)) to.handlePdu(now, out.slice(0, k), 0, k);
    }
    for (let sdu = b.read(); sdu !== null; sdu = b.read()) got.push(sdu.slice());
  }
  expect(got).toEqual(Array.from({ length: 200 }, (_, n) => message(n, 100)));
});
