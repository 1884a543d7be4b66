import type { AttestedProcess, ControlMessage, ControlType } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import type { Effect, Input } from '../../src/core/inputs.ts';
import { IrmMachine } from '../../src/core/irm-machine.ts';
import type { IrmSettings } from '../../src/core/settings.ts';

/** An IrmMachine with a virtual clock that makes channels at once and remembers what everybody was sent. */
export class TestIrm {
  readonly machine: IrmMachine;
  readonly effects: Effect[] = [];
  readonly sent: { process: number; message: ControlMessage }[] = [];
  nowUs = 0;
  /** False: channels are made only by `makeChannels`. */
  channelsAtOnce = true;
  readonly pendingChannels: number[] = [];
  #lastProcess = 0;
  #lastReq = 1_000;

  constructor(settings: Partial<IrmSettings> = {}) {
    this.machine = new IrmMachine(settings);
  }

  input(input: Input): readonly Effect[] {
    return this.#took(this.machine.handle(input, this.nowUs));
  }

  /** A new process; its id. */
  join(more: Partial<AttestedProcess> = {}): number {
    const process = (this.#lastProcess += 1);
    const joined: AttestedProcess = {
      process,
      pid: 100 + process,
      uid: 1_000,
      gid: 1_000,
      startTicks: 7,
      kind: 'app',
      program: 'p',
      path: '/bin/p',
      channels: ['shm', 'unix'],
      ...more,
    };
    this.input({ type: 'process-joined', process: joined });
    return process;
  }

  gone(process: number): void {
    this.input({ type: 'process-gone', process });
  }

  say<T extends ControlType>(process: number, message: ControlMessage<T>): void {
    this.input({ type: 'message', process, message: message as unknown as ControlMessage });
  }

  /** A management request and its reply, if it came at once. */
  ask(process: number, message: object, extra: object = {}): ControlMessage<'ok' | 'error'> | undefined {
    const req = (this.#lastReq += 1);
    this.input({ type: 'message', process, message: { ...message, req } as ControlMessage, ...extra });
    return this.replyTo(process, req);
  }

  replyTo(process: number, req: number): ControlMessage<'ok' | 'error'> | undefined {
    return this.messages(process).find(
      (m): m is ControlMessage<'ok' | 'error'> => (m.t === 'ok' || m.t === 'error') && m.req === req,
    );
  }

  alloc(process: number, req: number, name: string, more: Partial<ControlMessage<'alloc'>> = {}): void {
    this.say(process, { t: 'alloc', req, name, qos: qosCubes.raw, timeoutMs: 5_000, ...more });
  }

  accept(
    process: number,
    name: string | undefined,
    add: number,
    more: Partial<ControlMessage<'accept'>> = {},
  ): void {
    const named = name === undefined ? {} : { name };
    this.say(process, { t: 'accept', acceptor: 1, add, decide: false, ...named, ...more });
  }

  /** Moves the clock, doing what becomes due. */
  advance(ms: number): void {
    const endUs = this.nowUs + ms * 1_000;
    for (let at = this.machine.nextTimeout(); at !== null && at <= endUs; at = this.machine.nextTimeout()) {
      this.nowUs = Math.max(this.nowUs, at);
      this.#took(this.machine.handleTimeout(this.nowUs));
    }
    this.nowUs = endUs;
  }

  makeChannels(): void {
    for (const channel of this.pendingChannels.splice(0))
      this.input({ type: 'channel-made', channel, token: 't' });
  }

  messages(process: number): ControlMessage[] {
    return this.sent.filter((one) => one.process === process).map((one) => one.message);
  }

  /** The messages of one type that a process was sent. */
  of<T extends ControlType>(process: number, type: T): ControlMessage<T>[] {
    return this.messages(process).filter((m) => m.t === type) as unknown as ControlMessage<T>[];
  }

  #took(effects: readonly Effect[]): readonly Effect[] {
    for (const effect of effects) {
      this.effects.push(effect);
      if (effect.type === 'send') this.sent.push({ process: effect.process, message: effect.message });
      if (effect.type !== 'make-channel') continue;
      if (this.channelsAtOnce) this.input({ type: 'channel-made', channel: effect.channel, token: 't' });
      else this.pendingChannels.push(effect.channel);
    }
    return effects;
  }
}
