import type { FrcpStats } from '@flowring/frcp';
import { FLAG } from '../../packages/frcp/src/pci.ts';
import type { Direction } from './checkers/direction.ts';
import type { FlowChecker } from './checkers/flow-checker.ts';
import type { FrcpEnd } from './frcp-end.ts';
import type { FrcpWorld } from './frcp-world.ts';
import type { Alloc } from './stack/alloc.ts';
import type { SimHost } from './stack/host.ts';

/** States worth reaching. A mark that no seed hits means a knob that never fires. */
export const MARKS = {
  'window closed': 'a sender stood at the edge with more to send',
  'rendez-vous': 'a sender asked whether the window has opened',
  'rendez-vous without a run': 'and was answered by an end that knows no run',
  'window update': 'the edge was moved by an acknowledgement that acknowledged nothing new',
  'second run': 'a sender idled over St and started another run',
  'run expired': 'data met a receiver whose run was over',
  'number wrap': 'numbers passed 2^32',
  'sign wrap': 'numbers passed 2^31',
  'clock wrap': 'a clock passed a multiple of 2^31 us',
  timeout: 'a retransmission timeout',
  'spurious timeout': 'a timeout that proved wrong',
  'loss detected': 'a loss was found by later PDUs',
  'fragment resent': 'a fragment of a larger message was sent again',
  'end resent': 'the end marker was sent again',
  'run flag resent': 'a copy of a PDU with DRF left',
  'out of order': 'a PDU was held for an earlier one',
  ranges: 'a selective acknowledgement left',
  'sack full': 'one with as many ranges as fit',
  duplicate: 'data came again',
  'out of window': 'data came from beyond the window',
  malformed: 'a damaged PDU was dropped',
  'bad ack': 'an acknowledgement that could not be',
  dormant: 'a connection folded itself',
  'dormant again awake': 'and unfolded',
  discarded: 'data came after the own close',
  'late unreliable': 'unordered data of an unreliable flow was dropped',
  'no room': 'an unreliable flow dropped what a slow reader left no room for',
  'gave up': 'G passed',
  'reset believed': "a flow ended by its peer's reset",
  'reset not believed': 'a forged one was not',
  'simultaneous close': "both ends closed before they saw the other's end",
  "closed by the peer's end": 'closed without an acknowledgement of the own end',
  'copy after close': 'a closed connection answered a copy',
  move: 'a flow moved',
  'move under data': 'while data was under way',
  'blocked writer': 'a write was refused',
  stall: 'a process stood still',
  suspend: 'a host slept',
  death: 'a process died',
  'queue full': 'the path dropped for want of room',
  blackout: 'a PDU fell into a blackout',
  straggler: 'a PDU arrived after almost MPL',
  loss: 'a path lost a packet',
  allocated: 'a flow was allocated through IRMd, IPCP and layer',
  'allocation failed': 'it could not be',
  'allocation aborted': 'its caller gave it up',
  'request repeated': 'a flow allocator answered a request again',
  'peer gone': 'liveness monitoring ended a flow',
  'own stall credited': 'a flow allocator found that it had stood still',
  forged: 'the adversary guessed',
  replayed: 'the adversary repeated',
  reflected: 'the adversary sent back',
} as const;

export type MarkName = keyof typeof MARKS;

/** Marks that one seed hits. */
export class Marks {
  readonly hit = new Set<MarkName>();

  onMove(way: Direction): void {
    this.hit.add('move');
    if (way.una !== way.nxt) this.hit.add('move under data');
  }

  onSent({ checker, nowUs }: FrcpWorld, from: FrcpEnd): void {
    const pci = checker.sentPci;
    if ((pci.flags & FLAG.DATA) !== 0) this.#onData(checker.outOf(from), pci.seq);
    else if (pci.sackRanges > 0) {
      this.hit.add('ranges');
      if (pci.sackRanges === 16) this.hit.add('sack full');
    } else if (pci.ack === checker.into(from).probeSeq && !checker.into(from).hasRun)
      this.hit.add('rendez-vous without a run');
    if (from.isClosed && (pci.flags & FLAG.ACK) !== 0 && from.closedAtUs < nowUs)
      this.hit.add('copy after close');
  }

  #onData(way: Direction, seq: number): void {
    if (seq === -1) this.hit.add('number wrap');
    if (seq === 0x7fffffff) this.hit.add('sign wrap');
    const index = way.nxt + ((seq - way.base - way.nxt) | 0);
    if ((way.copies[index] ?? 0) === 0) return;
    const flags = way.flags[index]!;
    if ((flags & FLAG.END) !== 0) this.hit.add('end resent');
    else if ((flags & (FLAG.FIRST | FLAG.LAST)) !== (FLAG.FIRST | FLAG.LAST)) this.hit.add('fragment resent');
    if ((flags & FLAG.DRF) !== 0) this.hit.add('run flag resent');
  }

  onTurn(checker: FlowChecker, end: FrcpEnd): void {
    const way = checker.outOf(end);
    if (way.reliable && way.nxt >= way.edge && end.isOpen && end.conn.queuedBytes > 0)
      this.hit.add('window closed');
  }

  /** The run is over: what the counters of both ends and of the paths tell. */
  gather(world: FrcpWorld): void {
    for (const end of world.ends) {
      this.#gatherStats(end.conn.stats);
      this.#gatherEnd(world, end);
    }
    for (const { counts } of world.paths) {
      this.#mark('queue full', counts.queueDrops);
      this.#mark('blackout', counts.blackedOut);
      this.#mark('straggler', counts.straggled);
    }
    this.#mark('forged', world.counts.forged);
    this.#mark('replayed', world.counts.replayed);
    this.#mark('reflected', world.counts.reflected);
    this.#mark('reset not believed', world.checker.resetsRefused);
    this.#mark('blocked writer', world.talkers[0].blocked + world.talkers[1].blocked);
  }

  gatherAlloc({ outcome, flow }: Alloc): void {
    if (outcome === 'ok') this.hit.add('allocated');
    if (outcome === 'failed') this.hit.add('allocation failed');
    if (outcome === 'aborted') this.hit.add('allocation aborted');
    for (const { frcp } of flow?.ends ?? []) this.#gatherStats(frcp.conn.stats);
  }

  gatherHost({ ipcp }: SimHost): void {
    const { stats } = ipcp.allocator;
    this.#mark('request repeated', stats.requestsRepeated);
    this.#mark('peer gone', stats.peersGone);
    this.#mark('own stall credited', stats.stalledUs);
  }

  #gatherStats(stats: FrcpStats): void {
    this.#mark('rendez-vous', stats.probesSent);
    this.#mark('second run', stats.runsStarted - 1);
    this.#mark('run expired', stats.noRun);
    this.#mark('timeout', stats.timeouts);
    this.#mark('spurious timeout', stats.spuriousTimeouts);
    this.#mark('loss detected', stats.lossesDetected);
    this.#mark('out of order', stats.outOfOrder);
    this.#mark('duplicate', stats.duplicates);
    this.#mark('out of window', stats.outOfWindow);
    this.#mark('malformed', stats.malformed);
    this.#mark('bad ack', stats.badAcks);
    this.#mark('discarded', stats.discarded);
    this.#mark('late unreliable', stats.late);
    this.#mark('no room', stats.noRoom);
  }

  #gatherEnd(world: FrcpWorld, end: FrcpEnd): void {
    const way = world.checker.outOf(end);
    this.#mark('window update', way.windowUpdates);
    if (!end.isAlive) this.hit.add('death');
    if (end.process.stalls > 0) this.hit.add('stall');
    if (end.process.suspensions > 0) this.hit.add('suspend');
    if (end.downReason === 'gave-up') this.hit.add('gave up');
    if (end.downReason === 'reset') this.hit.add('reset believed');
    if (end.folded > 0) this.hit.add('dormant');
    if (end.unfolded > 0) this.hit.add('dormant again awake');
    if (end.isClosed && way.endIndex >= way.una) this.hit.add("closed by the peer's end");
    if (end.closedUnseen && end.peer.closedUnseen) this.hit.add('simultaneous close');
    const { clock } = end.process;
    this.#mark(
      'clock wrap',
      Math.floor(clock.at(world.nowUs) / 2 ** 31) - Math.floor(clock.epochUs / 2 ** 31),
    );
  }

  #mark(name: MarkName, times: number): void {
    if (times > 0) this.hit.add(name);
  }
}
