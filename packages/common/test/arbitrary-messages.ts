import fc from 'fast-check';
import type { ControlMessage, ControlType } from '../src/control-messages.ts';
import { CONTROL_MESSAGES } from '../src/control-messages.ts';
import type { FieldKind, FieldTypes } from '../src/control-values.ts';
import type { ErrorCode } from '../src/errors.ts';
import { ERROR_TABLE } from '../src/errors.ts';
import { QOS_MAX } from '../src/qos.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const text = fc.string({ maxLength: 60 });
const plain = fc.oneof(text, u32, fc.boolean(), fc.constant(null));

/** Any legal value of each field kind. */
export const FIELD_ARBITRARIES: { readonly [K in FieldKind]: fc.Arbitrary<FieldTypes[K]> } = {
  u32,
  u32s: fc.array(u32, { maxLength: 5 }),
  bool: fc.boolean(),
  text,
  texts: fc.array(text, { maxLength: 5 }),
  name: fc.stringMatching(/^[a-z][a-z0-9./-]{0,40}$/),
  bytes: fc.uint8Array({ maxLength: 64 }),
  qos: fc.record({
    delay: u32,
    bandwidth: fc.maxSafeNat(),
    availability: fc.integer({ min: 0, max: 255 }),
    loss: u32,
    ber: u32,
    inOrder: fc.constantFrom(0, 1),
    maxGap: fc.constant(QOS_MAX),
    timeout: u32,
  }),
  errorCode: fc.constantFrom(...(Object.keys(ERROR_TABLE) as ErrorCode[])),
  details: fc.dictionary(fc.stringMatching(/^[a-z]{1,10}$/), plain, { noNullPrototype: true }),
  channel: fc.record({
    id: u32,
    kind: fc.constantFrom('shm', 'unix'),
    side: fc.constantFrom('a', 'b'),
    path: text.map((rest) => `/${rest}`),
    ringBytes: u32,
    token: text,
  }),
  params: fc.record(
    { mplMs: u32, aMs: u32, rMs: u32, mtuBytes: u32, wire: fc.constant('o7s' as const) },
    { requiredKeys: ['mplMs', 'aMs', 'rMs', 'mtuBytes'], noNullPrototype: true },
  ),
  peer: fc.record({ pid: u32, uid: u32, program: text }),
  processKind: fc.constantFrom('app', 'ipcp', 'tool'),
  channelKinds: fc.subarray(['shm', 'unix'] as const),
  policy: fc.constantFrom('round-robin', 'spillover', 'least-flows'),
  config: fc.dictionary(
    fc.stringMatching(/^[a-z]{1,10}$/),
    fc.oneof(text, u32, fc.boolean(), fc.array(text)),
    {
      noNullPrototype: true,
    },
  ),
  value: fc.oneof(plain, fc.array(plain, { maxLength: 4 })).filter((value) => value !== null),
};

/** Any legal message of one type, with any subset of its optional fields. */
export function arbitraryMessage(type: ControlType): fc.Arbitrary<ControlMessage> {
  const fields = Object.entries(CONTROL_MESSAGES[type] as Record<string, string>);
  const model = Object.fromEntries(
    fields.map(([name, kind]) => [
      name,
      FIELD_ARBITRARIES[kind.replace('?', '') as FieldKind] as fc.Arbitrary<unknown>,
    ]),
  );
  const requiredKeys = fields.filter(([, kind]) => !kind.endsWith('?')).map(([name]) => name);
  return fc
    .record(model, { requiredKeys, noNullPrototype: true })
    .map((body) => ({ t: type, ...body }) as unknown as ControlMessage);
}
