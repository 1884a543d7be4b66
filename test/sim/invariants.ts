import type { InvariantName } from './violation.ts';

/** Where an invariant is checked, or why it is not. */
export interface Check {
  readonly says: string;
  /** Files of test/sim; `null`: not checked here. */
  readonly where: string | null;
  readonly note: string;
}

const on = (says: string, where: string, note = ''): Check => ({ says, where, note });
const off = (says: string, note: string): Check => ({ says, where: null, note });

/** The 40 invariants. docs/SIMULATOR.md shows the table. */
export const CHECKS: Readonly<Record<InvariantName, Check>> = {
  I1: on('no message is delivered twice', 'checkers/delivery'),
  I2: on('reliable: a prefix of what was written, byte for byte', 'checkers/delivery, checkers/liveness'),
  I3: on('without retransmission: a subsequence in order', 'checkers/delivery'),
  I4: on(
    'message boundaries stay',
    'checkers/delivery, checkers/ending',
    'partial reads: packages/frcp/test',
  ),
  I5: on('nothing of another run or flow', 'checkers/receiving, checkers/delivery'),
  I6: on('nothing becomes readable after the own close', 'checkers/delivery'),
  I7: on('damaged PDUs count as lost', 'checkers/delivery', 'with integrity; damage is drawn only there'),
  I8: on('acknowledged means accepted', 'checkers/acking', 'on the wire and in the counters'),
  I9: on('nothing unsent counts as acknowledged', 'checkers/acking'),
  I10: on('acknowledgement, edge and credit never go back', 'checkers/acking'),
  I11: on('data, and copies, are acknowledged within A', 'checkers/receiving, checkers/acking'),
  I12: on('the timeout is within its bounds', 'checkers/bounds', "Karn's rule itself: packages/frcp/test"),
  I13: on('a number belongs to its bytes; no copy after R', 'checkers/sending'),
  I14: on('a run starts with nothing unacknowledged and after St', 'checkers/sending'),
  I15: on('only accepted data restarts Rt', 'checkers/receiving', 'sampled'),
  I16: on(
    'no run starts before the peer has forgotten the last',
    'checkers/sending',
    'by both skewed clocks',
  ),
  I17: on('control creates no run', 'checkers/receiving, checkers/acking'),
  I18: on('no failure before G', 'checkers/ending'),
  I19: off('wall time changes nothing', 'cores get `now` only; the tidy test forbids any other clock'),
  I20: on('nothing beyond what was granted; what is held is bounded', 'checkers/sending, checkers/bounds'),
  I21: on('a closed window opens again', 'checkers/liveness'),
  I22: on('a paused reader kills no flow', 'checkers/ending'),
  I23: on('after the faults everything goes on and ends', 'checkers/liveness, stack/stack-world'),
  I24: on('close settles, with the true count', 'checkers/ending, checkers/liveness'),
  I25: on('the peer learns of the end', 'checkers/ending, frcp-world, stack/stack-world'),
  I26: on(
    'the end comes last, and is clean only if nothing is missing',
    'checkers/ending, checkers/delivery',
  ),
  I27: on('both ends may close at once', 'checkers/liveness'),
  I28: on(
    'nothing is left',
    'checkers/ending, checkers/liveness, stack/stack-world',
    'IRMd and IPCP tables too',
  ),
  I29: on('an endpoint ends once, in two steps', 'stack/host, stack/ipcp', 'without a restart of the IRMd'),
  I30: on('EIDs rest', 'stack/ipcp'),
  I31: on('one request, at most one flow', 'stack/alloc'),
  I32: on('both ends agree', 'stack/alloc'),
  I33: off('one of raced attempts survives', 'allocations are not raced yet'),
  I34: off('simultaneous open gives one flow', 'there is no symmetric open yet'),
  I35: on('an aborted request leaves no flow', 'stack/alloc'),
  I36: on('a move keeps everything', 'checkers/sending, checkers/delivery', 'knob moves'),
  I37: off('a resume proves possession', 'recovery is not there yet'),
  I38: off('failed recovery is agreed on', 'recovery is not there yet'),
  I39: on('everything is bounded', 'checkers/bounds, frcp-end, stack/host'),
  I40: on('nothing throws, and every PDU sent is one', 'run-seed, checkers/flow-checker'),
};
