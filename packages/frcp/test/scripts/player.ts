import { FrcpConnection, resolveParams, type FrcpEvent, type FrcpParams } from '../../src/index.ts';
import {
  bytesOf,
  decode,
  describe,
  differences,
  encode,
  expand,
  parsePacket,
  type Seen,
} from './packet-text.ts';
import { quantity, ScriptError, type Script, type Step } from './script-text.ts';

/** Held still, so that a script shows one thing; a script about one of them sets it. */
const PINNED = { timestamps: false, congestion: 'none', pacing: false } as Partial<FrcpParams>;
/** What the machine's runs start at when `first` says nothing. */
const FIRST = '1000';
const START_US = 1_000_000;

interface Sent {
  readonly at: number;
  readonly seen: Seen;
}

/** Thrown when the machine does something else than the script says. */
export class ScriptFailure extends Error {}

/** Plays a script: it is the program above one machine and the peer below it. Throws a ScriptFailure. */
export function play(script: Script): void {
  const player = new Player(script);
  for (const step of script.steps) player.step(step);
  player.end();
}

class Player {
  private readonly script: Script;
  private readonly params: FrcpParams;
  private readonly conn: FrcpConnection;
  private now: number;
  private readonly sent: Sent[] = [];
  private readonly events: FrcpEvent[] = [];
  private readonly out = new Uint8Array(1 << 17);
  private current: Step | null = null;
  /** Everything that happened, for the report. */
  private readonly log: string[] = [];

  constructor(script: Script) {
    this.script = script;
    const given = new Map(script.params);
    const firsts = (given.get('first') ?? FIRST).split(',').map(Number);
    const startUs = quantity(given.get('start') ?? '0') || START_US;
    given.delete('first');
    given.delete('start');
    const randomU32 = (): number => (firsts.length > 1 ? firsts.shift()! : firsts[0]!);
    const partial = Object.fromEntries([...given].map(([name, value]) => [name, valueOf(value)]));
    this.params = resolveParams({ ...PINNED, ...partial, randomU32 });
    this.conn = new FrcpConnection(this.params, startUs);
    this.now = startUs;
  }

  step(step: Step): void {
    this.current = step;
    try {
      this.take(step);
    } catch (error) {
      if (error instanceof ScriptFailure) throw error;
      throw this.failure([(error as Error).message]);
    }
    this.log.push(`  ok ${step.text}`);
  }

  end(): void {
    this.current = null;
    this.requireSilence('the script is over');
  }

  private take(step: Step): void {
    const { verb, words } = step;
    if (step.waitUs === 'whenever') {
      if (verb !== '>') throw new ScriptError('+* only stands before a packet the machine sends');
      this.advanceToPacket();
    } else {
      const isInput = INPUTS.has(verb);
      this.advance(this.now + step.waitUs, isInput);
      if (isInput) this.requireSilence('before this step');
    }
    if (verb === '>') this.expectPackets(words);
    else if (verb === '<') this.deliver(words);
    else if (verb === 'state') for (const word of words) this.expectState(word);
    else if (verb === 'event') this.expectEvent(words.join(' '));
    else if (verb === 'nothing') this.requireSilence('nothing was expected');
    else this.operate(verb, words);
  }

  /** Lets time pass. A driver hands in packets before it looks at timers, so an input leaves those of its instant. */
  private advance(until: number, isInput: boolean): void {
    if (isInput && until === this.now) return;
    for (;;) {
      const at = this.conn.nextTimeout() ?? Infinity;
      if (isInput ? at >= until : at > until) break;
      this.now = Math.max(this.now, at);
      this.conn.handleTimeout(this.now);
      this.poll();
    }
    this.now = until;
  }

  private advanceToPacket(): void {
    const limit = this.now + 1_000_000_000;
    while (this.sent.length === 0) {
      const at = this.conn.nextTimeout() ?? Infinity;
      if (at > limit) throw this.failure(['expected a packet, the machine never sends one']);
      this.advance(Math.max(at, this.now), false);
    }
  }

  private poll(): void {
    for (;;) {
      const size = this.conn.pollTransmit(this.now, this.out, 0);
      if (size === 0) break;
      const sent = { at: this.now, seen: decode(this.out.slice(0, size), this.params) };
      this.sent.push(sent);
      this.log.push(`     ${clock(sent.at)} machine sends ${describe(sent.seen)}`);
      if (this.sent.length > 10_000) throw new ScriptError('the machine sends without end');
    }
    for (let event = this.conn.pollEvent(); event !== null; event = this.conn.pollEvent()) {
      this.events.push(event);
      this.log.push(`     ${clock(this.now)} machine tells ${eventText(event)}`);
    }
  }

  private expectPackets(words: readonly string[]): void {
    for (const wanted of expand(parsePacket(words))) {
      const got = this.sent.shift();
      if (got === undefined) throw this.failure(['got       nothing']);
      const found = differences(wanted, got.seen);
      if (got.at !== this.now) found.unshift(`time: expected ${clock(this.now)}, got ${clock(got.at)}`);
      if (found.length > 0)
        throw this.failure([`got       ${clock(got.at)} ${describe(got.seen)}`, ...found]);
    }
  }

  private deliver(words: readonly string[]): void {
    for (const pdu of words[0] === 'raw' ? [hexBytes(words.slice(1))] : this.pdusOf(words)) {
      this.conn.handlePdu(this.now, pdu, 0, pdu.length);
      this.poll();
    }
  }

  private pdusOf(words: readonly string[]): Uint8Array[] {
    return expand(parsePacket(words)).map((packet) => encode(packet, this.params));
  }

  private operate(verb: string, words: readonly string[]): void {
    const { conn, now } = this;
    if (verb === 'write') this.write(words);
    else if (verb === 'pass') this.pass(words[0] ?? '');
    else if (verb === 'read') this.read(words);
    else if (verb === 'close') conn.close(now);
    else if (verb === 'abort') conn.abort(now);
    else if (verb === 'compact') conn.compact();
    else if (verb === 'move') this.move(words);
    else if (verb !== 'sleep') throw new ScriptError(`${verb} is nothing a script can do`);
    if (verb === 'sleep') this.now += quantity(words[0] ?? '');
    else this.poll();
  }

  /** `write "x"`, `write "x" times=3`, `write "x" -> would-block`. */
  private write(words: readonly string[]): void {
    const arrow = words.indexOf('->');
    const wanted = arrow < 0 ? 'queued' : words[arrow + 1]!;
    const times = words.find((word) => word.startsWith('times='));
    for (let n = Number(times?.slice(6) ?? 1); n > 0; n--) {
      const outcome = this.conn.write(this.now, bytesOf(words[0]!));
      if (outcome !== wanted) throw this.failure([`got       ${outcome}`]);
      this.poll();
    }
  }

  /** Writes and transmits in one, as a driver does on a flow that keeps no copy. */
  private pass(payload: string): void {
    const sdu = bytesOf(payload);
    const bytes = this.conn.passingBytes(this.now, sdu.length);
    if (bytes === 0) throw this.failure(['the SDU may not pass']);
    const size = this.conn.pass(this.now, sdu, this.out, 0);
    if (size !== bytes) throw this.failure([`${bytes} bytes were announced, ${size} written`]);
    this.sent.push({ at: this.now, seen: decode(this.out.slice(0, size), this.params) });
  }

  /** `read "x"`, `read nothing`, `read all`; `read "x" max=1 part` when more of the SDU is left, `last` when not. */
  private read(words: readonly string[]): void {
    const [wanted = '', ...how] = words;
    const max = how.find((word) => word.startsWith('max='));
    const sdu = this.conn.read(max === undefined ? undefined : Number(max.slice(4)));
    this.poll();
    if (wanted === 'nothing' || sdu === null) {
      if (wanted !== 'nothing' || sdu !== null) throw this.failure([`got       ${String(sdu)}`]);
    } else if (wanted === 'all') while (this.conn.read() !== null) this.poll();
    else if (String(sdu) !== String(bytesOf(wanted))) throw this.failure([`got       ${String(sdu)}`]);
    for (const [word, ended] of [
      ['part', false],
      ['last', true],
    ] as const)
      if (how.includes(word) && this.conn.sduEnded !== ended) throw this.failure([`got       not ${word}`]);
  }

  /** `move mtuBytes=500 mplUs=2s`, `move mtuBytes=9 -> mtuBytes`: refused, for that field. */
  private move(words: readonly string[]): void {
    const arrow = words.indexOf('->');
    const lower = this.lowerOf(arrow < 0 ? words : words.slice(0, arrow));
    let got = 'moved';
    try {
      this.conn.moveLower(this.now, lower);
    } catch (error) {
      got = (error as Error).message.replace(/:.*/, '');
    }
    if (got !== (words[arrow + 1] ?? '') && (arrow >= 0 || got !== 'moved'))
      throw this.failure([`got       ${got}`]);
  }

  private lowerOf(words: readonly string[]): { mtuBytes: number; mplUs: number } {
    const lower = { mtuBytes: this.params.mtuBytes, mplUs: this.params.mplUs };
    for (const word of words) {
      const [name, value] = word.split('=') as [string, string];
      if (name === 'mtuBytes' || name === 'mplUs') lower[name] = quantity(value);
      else throw new ScriptError(`${name} is nothing of a lower flow`);
    }
    return lower;
  }

  private expectEvent(wanted: string): void {
    while (wanted !== 'readable' && this.events[0]?.type === 'readable') this.events.shift();
    const event = this.events.shift();
    const got = event === undefined ? 'nothing' : eventText(event);
    if (got !== wanted) throw this.failure([`got       ${got}`]);
  }

  /** `path=value`, `path!=value`, `path<value`, `path>value` of what `inspect` shows. */
  private expectState(word: string): void {
    const found = /^([\w.]+)(!=|=|<|>)(.*)$/.exec(word);
    if (found === null) throw new ScriptError(`${word} is not path=value`);
    const [, path, relation, text] = found as unknown as [string, string, string, string];
    let value: unknown = this.conn.inspect();
    for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
    const wanted = valueOf(text);
    const holds =
      relation === '<'
        ? Number(value) < Number(wanted)
        : relation === '>'
          ? Number(value) > Number(wanted)
          : Object.is(value, wanted) === (relation === '=');
    if (!holds) throw this.failure([`got       ${path}=${String(value)}`]);
  }

  /** Every packet and event has been asked for; `readable` may be left out, for a read says it. */
  private requireSilence(when: string): void {
    const packets = this.sent.map(({ at, seen }) => `unexpected ${clock(at)} > ${describe(seen)}`);
    const events = this.events
      .filter((event) => event.type !== 'readable')
      .map((event) => `unexpected event ${eventText(event)}`);
    if (packets.length + events.length > 0)
      throw this.failure([`${when}:`, ...packets.slice(0, 20), ...events]);
    this.events.length = 0;
  }

  private failure(found: readonly string[]): ScriptFailure {
    const { script, current } = this;
    const where = current === null ? [] : [`FAIL ${current.text}`];
    return new ScriptFailure(
      [
        `${script.file}:${current?.line ?? script.line} ${script.title}`,
        ...this.log.slice(-40),
        ...where,
        ...found.map((line) => `     ${line}`),
        `     at ${clock(this.now)}, ${JSON.stringify(this.conn.inspect())}`,
      ].join('\n'),
    );
  }
}

/** Steps that are an input of the machine; the others look at what it did. */
const INPUTS = new Set(['<', 'write', 'pass', 'read', 'close', 'abort', 'compact', 'move', 'sleep']);

const NAMED: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  null: null,
  never: Infinity,
  NaN,
  undefined,
};

function valueOf(text: string): unknown {
  if (text in NAMED) return NAMED[text];
  const number = quantity(text);
  return Number.isNaN(number) ? text : number;
}

function eventText(event: FrcpEvent): string {
  if (event.type === 'end') return event.clean ? 'end clean' : 'end cut';
  if (event.type === 'down') return `down ${event.reason} unacked=${event.unackedSdus}`;
  return event.type;
}

function clock(us: number): string {
  return `${(us / 1_000_000).toFixed(6)}s`;
}

function hexBytes(words: readonly string[]): Uint8Array {
  return new Uint8Array(words.map((word) => parseInt(word, 16)));
}
