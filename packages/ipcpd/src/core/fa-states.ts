/**
 * The life of one flow at its allocator. The requesting end goes `idle -> requesting -> allocated`, the answering
 * end `idle -> offered -> unconfirmed -> allocated`; `unconfirmed` is accepted here while the requester may not
 * have heard. `ended`: the peer's half is gone, ours waits for its owner. `finished`: our owner is gone, the
 * IRMd has not released the endpoint. A pair that is not listed is ignored.
 */
export const FA_TRANSITIONS = {
  idle: { request: 'requesting', offer: 'offered', acceptTooLate: 'ended' },
  requesting: {
    answerAccepted: 'allocated',
    answerRefused: 'closed',
    timeout: 'closed',
    localEnd: 'closed',
    release: 'closed',
  },
  offered: { accept: 'unconfirmed', refuse: 'closed', cancelled: 'closed', timeout: 'closed' },
  unconfirmed: {
    heard: 'allocated',
    timeout: 'ended',
    peerEnd: 'ended',
    peerGone: 'ended',
    localEnd: 'finished',
    release: 'closed',
  },
  allocated: { peerEnd: 'ended', peerGone: 'ended', localEnd: 'finished', release: 'closed' },
  ended: { localEnd: 'finished', release: 'closed' },
  finished: { release: 'closed' },
  closed: {},
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type FaState = keyof typeof FA_TRANSITIONS;

export type FaEvent = { [S in FaState]: keyof (typeof FA_TRANSITIONS)[S] }[FaState];

/** The state after `event`, or `null` when the event means nothing in `state`. */
export function nextFaState(state: FaState, event: FaEvent): FaState | null {
  const row: Readonly<Record<string, string>> = FA_TRANSITIONS[state];
  return (row[event] as FaState | undefined) ?? null;
}
