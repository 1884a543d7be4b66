/**
 * What a flow is asked to be. The fields, units and predefined cubes are those of O7s
 * (include/ouroboros/qos.h); `MAX` stands for "no bound".
 */
export interface QosSpec {
  /** Largest one-way delay wanted, ms. */
  readonly delay: number;
  /** Bandwidth wanted, bit/s. */
  readonly bandwidth: number;
  /** Availability, number of nines (0-255). */
  readonly availability: number;
  /** Tolerated packet loss; 0 = none, so the flow retransmits. */
  readonly loss: number;
  /** Tolerated bit errors per 10^9 bits; 0 = none, so every packet is checked. */
  readonly ber: number;
  /** 1: messages are delivered in the order written. */
  readonly inOrder: 0 | 1;
  /** Longest interruption of service, ms. */
  readonly maxGap: number;
  /** Silence after which the peer counts as gone, ms; 0 = never. */
  readonly timeout: number;
}

/** Largest value of an unsigned 32-bit field: "no bound". */
export const QOS_MAX = 0xffff_ffff;
/** Peer timeout of every predefined cube, ms (O7s DEFAULT_PEER_TIMEOUT). */
export const QOS_PEER_TIMEOUT_MS = 120_000;

const base: QosSpec = {
  delay: QOS_MAX,
  bandwidth: 0,
  availability: 0,
  loss: 1,
  ber: 1,
  inOrder: 0,
  maxGap: QOS_MAX,
  timeout: QOS_PEER_TIMEOUT_MS,
};

/** The predefined QoS specifications. `raw`: datagrams; `data`: reliable and in order. */
export const qosCubes = {
  raw: base,
  rawNoErrors: { ...base, ber: 0 },
  bestEffort: { ...base, ber: 0, inOrder: 1 },
  video: {
    ...base,
    delay: 100,
    bandwidth: Number.MAX_SAFE_INTEGER,
    availability: 3,
    ber: 0,
    inOrder: 1,
    maxGap: 100,
  },
  voice: { ...base, delay: 50, bandwidth: 100_000, availability: 5, ber: 0, inOrder: 1, maxGap: 50 },
  data: { ...base, delay: 1_000, loss: 0, ber: 0, inOrder: 1, maxGap: 2_000 },
} as const satisfies Record<string, QosSpec>;

export type QosCubeName = keyof typeof qosCubes;

/** The cubes by number. The order is that of messages: cubes are appended. */
export const QOS_CUBES: readonly QosSpec[] = Object.values(qosCubes);

/** What runs on a flow of this QoS: nothing, FRCP for order, or FRCP with retransmission. */
export type FlowService = 'raw' | 'ordered' | 'reliable';

/** O7s's rule: `inOrder` turns FRCP on; no loss on top of it turns retransmission on. */
export function serviceOf(qos: QosSpec): FlowService {
  if (qos.inOrder === 0) return 'raw';
  return qos.loss === 0 ? 'reliable' : 'ordered';
}

/** The specification if every field is present and in range, else `null`; one equal to a cube is that cube. Total. */
export function parseQos(value: unknown): QosSpec | null {
  if (typeof value !== 'object' || value === null) return null;
  const v = value as Record<string, unknown>;
  for (const [field, max] of FIELD_MAX) {
    const n = v[field];
    if (typeof n !== 'number' || !Number.isInteger(n) || n < 0 || n > max) return null;
  }
  const cube = QOS_CUBES.find((one) => FIELD_MAX.every(([field]) => one[field] === v[field]));
  if (cube !== undefined) return cube;
  return {
    delay: v['delay'] as number,
    bandwidth: v['bandwidth'] as number,
    availability: v['availability'] as number,
    loss: v['loss'] as number,
    ber: v['ber'] as number,
    inOrder: v['inOrder'] as 0 | 1,
    maxGap: v['maxGap'] as number,
    timeout: v['timeout'] as number,
  };
}

const FIELD_MAX: readonly (readonly [keyof QosSpec, number])[] = [
  ['delay', QOS_MAX],
  ['bandwidth', Number.MAX_SAFE_INTEGER],
  ['availability', 255],
  ['loss', QOS_MAX],
  ['ber', QOS_MAX],
  ['inOrder', 1],
  ['maxGap', QOS_MAX],
  ['timeout', QOS_MAX],
];
