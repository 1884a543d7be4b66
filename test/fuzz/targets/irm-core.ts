import { decodeControl, encodeControl, LIMITS, qosCubes, type ControlMessage } from '@flowring/common';
import type { Effect, Input } from '../../../packages/irmd/src/core/inputs.ts';
import { IrmMachine } from '../../../packages/irmd/src/core/irm-machine.ts';
import { demand, InputReader, type FuzzTarget } from '../engine/target.ts';

const UNIT_BYTES = 4;
const PROCESSES_MAX = 6;
const STEPS_MS = [0, 1, 100, 1_000, 5_000, 30_000, 400_000];
const TIMEOUTS_MAX = 20_000;
const NAMES = ['n', 'm', 'o'];
const IPCPS = ['i', 'j'];
const PROGRAMS = ['/bin/p', '/bin/q', 'p'];
const PARAMS = { mplMs: 100, aMs: 10, rMs: 200, mtuBytes: 9_000 };

/** The daemon's core; the input says what processes send, rightly or not, and how their wishes turn out. */
class Daemon {
  readonly #irm = new IrmMachine({ ownUid: 1_000 });
  readonly #reader: InputReader;
  readonly #alive = new Set<number>();
  readonly #channels: number[] = [];
  readonly #children: { child: number; ipcp: string | null }[] = [];
  readonly #running: { child: number; token: string; ipcp: string | null }[] = [];
  /** Last messages from the daemon that ask something, by process: for answers that fit. */
  readonly #asked = new Map<number, ControlMessage>();
  /** Answers to each allocation. */
  readonly #allocs = new Map<string, number>();
  #flows: number[] = [];
  #now = 0;
  #lastProcess = 0;
  #lastReq = 100;

  constructor(reader: InputReader) {
    this.#reader = reader;
  }

  step(): void {
    const unit = new InputReader(this.#reader.take(UNIT_BYTES));
    const op = unit.u8();
    const process = at([...this.#alive], op >> 5) ?? 0;
    switch (op % 32) {
      case 0:
      case 1:
        return this.#join(unit);
      case 2:
        return this.#gone(process);
      case 3:
        return this.#channel(unit);
      case 4:
      case 5:
        return this.#child(unit);
      case 6:
      case 7:
        return this.#pass(STEPS_MS[unit.below(STEPS_MS.length)]!);
      case 8:
      case 9:
        return this.#reply(process, unit);
      default:
        return this.#say(process, this.#message(op % 32, unit), unit);
    }
  }

  /** Everybody leaves: no flow, channel or process is left, and each allocation of the living was answered. */
  end(): void {
    this.#pass(1_000_000);
    for (const [key, answers] of this.#allocs) {
      if (this.#alive.has(Number(key.split(':')[0])))
        demand(answers === 1, 'an allocation was never answered');
    }
    for (const process of [...this.#alive]) this.#gone(process);
    for (const ipcp of IPCPS) this.#say(0, { t: 'ipcp-destroy', req: this.#req(), ipcp });
    for (const name of NAMES) this.#say(0, { t: 'name-destroy', req: this.#req(), name });
    for (let n = 0; n < 3; n++) {
      for (const { child } of this.#children.splice(0))
        this.#in({ type: 'spawn-failed', child, reason: 'no' });
      for (const { child } of this.#running.splice(0))
        this.#in({ type: 'child-exited', child, outcome: 'code 0' });
      this.#pass(1_000_000);
    }
    for (const channel of this.#channels.splice(0))
      this.#in({ type: 'channel-failed', channel, reason: 'no' });
    const left = Object.entries(this.#irm.population).filter(([, count]) => count !== 0);
    demand(left.length === 0, `objects left: ${left.map(([kind]) => kind).join()}`);
    demand(this.#irm.counters.unlistedTransitions === 0, 'a transition that is not in the table');
  }

  #join(unit: InputReader): void {
    if (this.#alive.size >= PROCESSES_MAX) return;
    const process = ++this.#lastProcess;
    const what = unit.u8();
    const child = (what & 1) === 1 ? at(this.#running, unit.u8()) : undefined;
    const path = PROGRAMS[(what >> 1) & 1]!;
    this.#alive.add(process);
    this.#in({
      type: 'process-joined',
      process: {
        process,
        pid: 100 + process,
        uid: (what & 4) === 0 ? 1_000 : 1_001,
        gid: 1_000,
        startTicks: 7,
        kind: child?.ipcp != null || (what & 0xf0) === 0xf0 ? 'ipcp' : 'app',
        program: path.slice(5),
        path,
        channels: (what & 8) === 0 ? ['shm', 'unix'] : ['unix'],
        ...(child === undefined ? {} : { token: child.token }),
      },
    });
  }

  #gone(process: number): void {
    if (process === 0) return;
    this.#in({ type: 'process-gone', process });
    this.#alive.delete(process);
  }

  #channel(unit: InputReader): void {
    const channel = this.#channels.shift() ?? unit.u8();
    if ((unit.u8() & 3) !== 3) this.#in({ type: 'channel-made', channel, token: 't' });
    else this.#in({ type: 'channel-failed', channel, reason: 'no room' });
  }

  #child(unit: InputReader): void {
    const what = unit.u8();
    const waiting = this.#children.shift();
    if (waiting !== undefined) {
      const { child, ipcp } = waiting;
      if ((what & 3) === 3) return this.#in({ type: 'spawn-failed', child, reason: 'no' });
      const token = `t${child}`;
      this.#running.push({ child, token, ipcp });
      return this.#in({ type: 'child-started', child, pid: 5_000 + child, token });
    }
    const place = what % Math.max(1, this.#running.length);
    const [ended] = this.#running.splice(place, 1);
    this.#in({ type: 'child-exited', child: ended?.child ?? what, outcome: 'code 1' });
  }

  /** An answer to what the process was asked last, in one of the ways there are. */
  #reply(process: number, unit: InputReader): void {
    const asked = this.#asked.get(process);
    if (asked === undefined) return;
    this.#asked.delete(process);
    const isYes = (unit.u8() & 3) !== 3;
    const code = 'FLOWRING_REFUSED';
    if (asked.t === 'offer' || asked.t === 'ipcp-alloc') {
      const { flow } = asked;
      if (asked.t === 'offer')
        return this.#say(process, isYes ? { t: 'answer', flow } : { t: 'answer', flow, code });
      const yes = { t: 'ipcp-allocated', flow, qos: qosCubes.raw, params: PARAMS } as const;
      return this.#say(process, isYes ? yes : { t: 'ipcp-refused', flow, code });
    }
    if (!('req' in asked) || asked.req === undefined) return;
    const value = asked.t === 'ipcp-query' ? { value: (unit.u8() & 1) === 0 } : {};
    this.#say(process, isYes ? { t: 'ok', req: asked.req, ...value } : { t: 'error', req: asked.req, code });
  }

  #message(op: number, unit: InputReader): ControlMessage {
    const req = this.#req();
    const [x, y] = [unit.u8(), unit.u8()];
    const name = NAMES[x % NAMES.length]!;
    const ipcp = IPCPS[x % IPCPS.length]!;
    const flow = at(this.#flows, y) ?? y;
    const layer = (y & 3) === 3 ? { layer: 'l' } : {};
    const qos = qosCubes.raw;
    const messages: readonly ControlMessage[] = [
      { t: 'alloc', req, name, qos, timeoutMs: y * 40, ...layer },
      { t: 'alloc', req, name, qos, timeoutMs: 60_000, direct: (y & 1) === 0 },
      { t: 'cancel', req: req - y },
      { t: 'accept', acceptor: y & 3, name, add: y >> 4, decide: (y & 4) !== 0 },
      { t: 'accept', acceptor: y & 3, add: y >> 4, decide: false, req },
      { t: 'accept-close', acceptor: y & 3 },
      { t: 'answer', flow },
      { t: 'dealloc', flow },
      (y & 1) === 0 ? { t: 'channel-up', channel: x & 7 } : { t: 'channel-down', channel: x & 7 },
      { t: 'name-create', req, name, policy: (['round-robin', 'spillover', 'least-flows'] as const)[y % 3]! },
      { t: (y & 1) === 0 ? 'name-destroy' : 'status', req, name } as ControlMessage,
      {
        t: (y & 1) === 0 ? 'name-register' : 'name-unregister',
        req,
        name,
        ...((y & 2) === 0 ? layer : { ipcp: 'i' }),
      },
      { t: 'bind-program', req, program: PROGRAMS[y % 3]!, name, auto: (y & 4) !== 0, args: [] },
      { t: 'unbind-program', req, program: PROGRAMS[y % 3]!, ...((y & 4) === 0 ? { name } : {}) },
      { t: (y & 1) === 0 ? 'bind-process' : 'unbind-process', req, pid: 100 + (y >> 1), name },
      { t: (y & 1) === 0 ? 'bind-ipcp' : 'unbind-ipcp', req, ipcp, name },
      { t: 'ipcp-create', req, ipcp, type: y === 255 ? 'none' : 'local' },
      (y & 7) === 7 ? { t: 'ipcp-destroy', req, ipcp } : { t: 'ipcp-configure', req, ipcp, layer: 'l' },
      { t: (['name-list', 'flow-list', 'process-list', 'ipcp-list'] as const)[x & 3]!, req, after: y },
      { t: 'ipcp-incoming', incoming: y & 15, name, qos, timeoutMs: 40 * y, params: PARAMS },
      (y & 1) === 0 ? { t: 'ipcp-incoming-gone', incoming: y >> 1 } : { t: 'ipcp-released', flow },
      { t: 'ipcp-allocated', flow, qos, params: PARAMS },
    ];
    return messages[(op - 10) % messages.length]!;
  }

  #say(process: number, message: ControlMessage, unit?: InputReader): void {
    if (message.t === 'alloc' && process !== 0) this.#allocs.set(`${process}:${message.req}`, 0);
    const pid = 'pid' in message ? message.pid : 0;
    const target = unit === undefined || (unit.u8() & 1) === 0 ? { pid, uid: 1_000, startTicks: 7 } : null;
    this.#in({ type: 'message', process, message, target });
  }

  #pass(ms: number): void {
    const until = this.#now + ms * 1_000;
    for (let n = 0; ; n++) {
      const next = this.#irm.nextTimeout();
      if (next === null || next > until) break;
      demand(n < TIMEOUTS_MAX, 'timers fire without end');
      this.#now = Math.max(this.#now, next);
      this.#out(this.#irm.handleTimeout(this.#now));
      const left = this.#irm.nextTimeout();
      demand(left === null || left > this.#now, 'a timer that has fired is still due');
    }
    this.#now = until;
  }

  #in(input: Input): void {
    this.#out(this.#irm.handle(input, this.#now));
  }

  #out(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.#sent(effect.process, effect.message);
      else if (effect.type === 'make-channel') this.#channels.push(effect.channel);
      else if (effect.type === 'spawn-program') this.#children.push({ child: effect.child, ipcp: null });
      else if (effect.type === 'spawn-ipcp') this.#children.push({ child: effect.child, ipcp: effect.ipcp });
    }
  }

  #sent(process: number, message: ControlMessage): void {
    // A reply may find its asker gone; everything else is sent to who is there.
    const isReply = message.t === 'ok' || message.t === 'error';
    demand(process === 0 || isReply || this.#alive.has(process), 'a message to a process that is gone');
    const frame = encodeControl(message);
    demand(decodeControl(frame, LIMITS.controlReplyMaxBytes) !== null, `no control message: ${message.t}`);
    if ('flow' in message) this.#flows = [message.flow, ...this.#flows].slice(0, 16);
    if (['offer', 'ipcp-alloc', 'ipcp-query', 'ipcp-bootstrap', 'ipcp-register'].includes(message.t))
      this.#asked.set(process, message);
    if (message.t !== 'allocated' && message.t !== 'error') return;
    const key = `${process}:${message.req}`;
    const answers = this.#allocs.get(key);
    if (answers === undefined) return;
    demand(answers === 0, 'an allocation is answered twice');
    this.#allocs.set(key, 1);
  }

  #req(): number {
    return ++this.#lastReq;
  }
}

function at<T>(list: readonly T[], index: number): T | undefined {
  return list.length === 0 ? undefined : list[index % list.length];
}

export const target: FuzzTarget = {
  name: 'irm-core',
  about:
    'the core of the IRM daemon: whatever processes send, one answer an allocation, no stray transition, nothing left',
  maxBytes: 64 * UNIT_BYTES,
  unitBytes: UNIT_BYTES,
  seeds: [
    Uint8Array.from([
      ...[0, 0, 0, 0],
      ...[0, 0, 0, 0],
      ...[13, 0, 0x24, 0],
      ...[42, 0, 60, 0],
      ...[3, 0, 0, 0],
      ...[8, 0, 0, 0],
      ...[18, 1, 0, 0],
      ...[26, 0, 0, 0],
      ...[4, 0, 0, 0],
      ...[0, 1, 0, 0],
      ...[27, 0, 0, 0],
      ...[72, 0, 0, 0],
      ...[21, 0, 3, 0],
      ...[11, 1, 1, 0],
      ...[17, 0, 0, 0],
      ...[6, 2, 0, 0],
    ]),
  ],
  run(input) {
    const reader = new InputReader(input);
    const daemon = new Daemon(reader);
    while (!reader.isAtEnd) daemon.step();
    daemon.end();
  },
};
