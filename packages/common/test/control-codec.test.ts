import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import { decodeControl, encodeControl } from '../src/control-codec.ts';
import type { ControlType } from '../src/control-messages.ts';
import { CONTROL_MESSAGES } from '../src/control-messages.ts';
import { LIMITS } from '../src/limits.ts';
import { qosCubes } from '../src/qos.ts';
import { arbitraryMessage } from './arbitrary-messages.ts';

const TYPES = Object.keys(CONTROL_MESSAGES) as ControlType[];
const alloc = { t: 'alloc', req: 1, name: 'oecho', qos: Object.values(qosCubes.raw), timeoutMs: 5 };

/** Byte fields come back as views of the frame; compare what they hold. */
const plain = (message: unknown): unknown =>
  JSON.parse(
    JSON.stringify(message, (_, value: unknown) =>
      ArrayBuffer.isView(value) ? [...(value as Uint8Array)] : value,
    ),
  );

const asBytes = (value: unknown): unknown => (Buffer.isBuffer(value) ? new Uint8Array(value) : value);

function decodedPlain(frame: Uint8Array): unknown {
  const message = decodeControl(frame);
  if (message === null) return null;
  return plain(Object.fromEntries(Object.entries(message).map(([key, value]) => [key, asBytes(value)])));
}

describe('a control message', () => {
  test.each(TYPES)('%s survives encoding and decoding', (type) => {
    fc.assert(
      fc.property(arbitraryMessage(type), (message) => {
        expect(decodedPlain(encodeControl(message))).toEqual(plain(message));
      }),
      { numRuns: 30 },
    );
  });

  test.each(TYPES)('%s without one of its required fields is no message', (type) => {
    const [message] = fc.sample(arbitraryMessage(type), { numRuns: 1, seed: 7 });
    for (const [field, kind] of Object.entries(CONTROL_MESSAGES[type] as Record<string, string>)) {
      if (kind.endsWith('?')) continue;
      const wire = JSON.parse(JSON.stringify(message)) as Record<string, unknown>;
      const { [field]: _, ...rest } = wire;
      expect(decodeControl(pack(rest))).toBeNull();
    }
  });

  test('keeps the bytes of a first message', () => {
    const data = Uint8Array.from([0, 1, 255]);
    const message = decodeControl(encodeControl({ t: 'answer', flow: 3, data }));
    expect(message).toMatchObject({ t: 'answer', flow: 3 });
    expect([...(message as { data: Uint8Array }).data]).toEqual([0, 1, 255]);
  });

  test('loses fields that are not in the catalogue', () => {
    expect(decodeControl(pack({ ...alloc, admin: true }))).not.toHaveProperty('admin');
  });

  test('with an error code of a later version decodes to the code for unknown ones', () => {
    expect(decodeControl(pack({ t: 'error', req: 1, code: 'FLOWRING_NEXT_YEAR' }))).toMatchObject({
      code: 'FLOWRING_UNKNOWN_CODE',
    });
  });
});

describe('decodeControl', () => {
  test('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeControl(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  test('never throws, whatever msgpack value the frame holds', () => {
    const value = fc.object({ maxDepth: 3, withBigInt: false });
    fc.assert(
      fc.property(value, fc.constantFrom(...TYPES), (fields, t) => {
        decodeControl(pack({ ...fields, t }));
      }),
      { numRuns: 1_000 },
    );
  });

  test('never throws on a frame that was cut or changed in one byte', () => {
    const frame = encodeControl({ t: 'cancel', req: 70_000 });
    for (let at = 0; at < frame.length; at++) {
      expect(decodeControl(frame.subarray(0, at))).toBeNull();
      for (let value = 0; value < 256; value++) {
        const changed = Uint8Array.from(frame);
        changed[at] = value;
        decodeControl(changed);
      }
    }
  });

  test('refuses a frame over the limit without looking into it', () => {
    const args = new Array(20).fill('x'.repeat(4_000)) as string[];
    const frame = encodeControl({ t: 'bind-program', req: 1, program: '/p', name: 'n', auto: true, args });
    expect(frame.length).toBeGreaterThan(LIMITS.controlFrameMaxBytes);
    expect(decodeControl(frame)).toBeNull();
  });

  test('survives arrays nested 60,000 deep', () => {
    expect(decodeControl(new Uint8Array(60_000).fill(0x91))).toBeNull();
  });

  test('survives an array that announces four billion elements', () => {
    expect(decodeControl(Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff]))).toBeNull();
  });

  test.each([
    ['the reserved byte', [0xc1]],
    ['an extension type', [0xd4, 0x72, 0x00]],
    ['nothing', []],
    ['a number', [7]],
    ['nil', [0xc0]],
  ])('refuses %s', (_, bytes) => {
    expect(decodeControl(Uint8Array.from(bytes))).toBeNull();
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])('refuses the type %p', (t) => {
    expect(decodeControl(pack({ t, req: 1 }))).toBeNull();
  });

  test('a field called __proto__ changes no prototype', () => {
    // {t: 'status', req: 1, __proto__: {polluted: true}} as raw msgpack.
    const key = [...Buffer.from('__proto__')];
    const polluted = [...Buffer.from('polluted')];
    const frame = [0x83, 0xa1, 0x74, 0xa6, ...Buffer.from('status'), 0xa3, ...Buffer.from('req'), 1];
    frame.push(0xa9, ...key, 0x81, 0xa8, ...polluted, 0xc3);
    const message = decodeControl(Uint8Array.from(frame));
    expect(message).toEqual({ t: 'status', req: 1 });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test.each([
    ['a negative number', { ...alloc, req: -1 }],
    ['a broken number', { ...alloc, req: 1.5 }],
    ['a number over 32 bits', { ...alloc, req: 2 ** 32 }],
    ['an empty name', { ...alloc, name: '' }],
    ['a name with a control character', { ...alloc, name: 'a\nb' }],
    ['a QoS of seven fields', { ...alloc, qos: alloc.qos.slice(1) }],
    ['a QoS as an object', { ...alloc, qos: qosCubes.raw }],
    ['a text where bytes belong', { ...alloc, data: 'text' }],
    ['a first message over its limit', { ...alloc, data: new Uint8Array(LIMITS.piggybackMaxBytes + 1) }],
    ['a text where a flag belongs', { ...alloc, direct: 'yes' }],
  ])('refuses an allocation with %s', (_, message) => {
    expect(decodeControl(pack(alloc))).not.toBeNull();
    expect(decodeControl(pack(message))).toBeNull();
  });

  test('refuses a channel whose path is not absolute', () => {
    const open = { id: 1, kind: 'shm', side: 'a', path: '/dev/shm/x', ringBytes: 4_096, token: '' };
    const accept = { t: 'ipcp-accept', incoming: 1, flow: 2, channel: 1, open };
    expect(decodeControl(pack(accept))).not.toBeNull();
    expect(decodeControl(pack({ ...accept, open: { ...open, path: 'x' } }))).toBeNull();
  });
});
