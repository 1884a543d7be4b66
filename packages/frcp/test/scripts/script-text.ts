/** The text of scripts, read into lines. The format is told in README.md beside this file. */

export interface Script {
  readonly file: string;
  readonly title: string;
  /** What the title cites: `R-FRCP-30`, `C3`, `I15`. */
  readonly cites: readonly string[];
  readonly line: number;
  readonly params: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
}

export interface Step {
  /** Where it stands, and its text, for reports. */
  readonly line: number;
  readonly text: string;
  /** Time since the step before, us. `whenever`: at the machine's next packet. */
  readonly waitUs: number | 'whenever';
  readonly verb: string;
  readonly words: readonly string[];
}

const UNIT_US: Readonly<Record<string, number>> = { us: 1, ms: 1_000, s: 1_000_000, min: 60_000_000 };

export class ScriptError extends Error {}

/** The scripts of one file. Throws a ScriptError that names the line. */
export function parseScripts(file: string, text: string): Script[] {
  const scripts: Script[] = [];
  let fileParams = new Map<string, string>();
  let open: (Script & { params: Map<string, string>; steps: Step[] }) | null = null;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1;
    const bare = withoutComment(raw).trim();
    if (bare === '') continue;
    if (bare.startsWith('== ')) {
      open = { file, line, ...titleOf(bare.slice(3)), params: new Map(fileParams), steps: [] };
      scripts.push(open);
      continue;
    }
    const words = wordsOf(bare);
    if (words[0] === 'params') {
      const into: Map<string, string> = open === null ? (fileParams = new Map(fileParams)) : open.params;
      for (const word of words.slice(1)) into.set(...pairOf(file, line, word));
    } else if (open === null) throw new ScriptError(`${file}:${line}: a step before the first script`);
    else open.steps.push(stepOf(file, line, bare, words));
  }
  return scripts;
}

function titleOf(text: string): { title: string; cites: string[] } {
  const found = /^(.*?)\s*\[([^\]]*)\]$/.exec(text);
  if (found === null) return { title: text.trim(), cites: [] };
  return { title: found[1]!, cites: found[2]!.split(/[\s,]+/) };
}

function pairOf(file: string, line: number, word: string): [string, string] {
  const at = word.indexOf('=');
  if (at < 1) throw new ScriptError(`${file}:${line}: ${word} is not name=value`);
  return [word.slice(0, at), word.slice(at + 1)];
}

function stepOf(file: string, line: number, text: string, words: string[]): Step {
  const timed = words[0]!.startsWith('+');
  const rest = timed ? words.slice(1) : words;
  if (rest.length === 0) throw new ScriptError(`${file}:${line}: a time and nothing more`);
  const waitUs = !timed ? 0 : words[0] === '+*' ? ('whenever' as const) : durationUs(words[0]!.slice(1));
  if (Number.isNaN(waitUs)) throw new ScriptError(`${file}:${line}: ${words[0]!} is not a time`);
  return { line, text, waitUs, verb: rest[0]!, words: rest.slice(1) };
}

/** `0`, `50ms`, `1.5s`; sums like `62s+100ms`. NaN if it is none. */
export function durationUs(text: string): number {
  let sum = 0;
  for (const part of text.split('+')) {
    const found = /^(\d+(?:\.\d+)?)(us|ms|s|min)?$/.exec(part);
    if (found === null || (found[2] === undefined && found[1] !== '0')) return NaN;
    sum += Math.round(Number(found[1]) * UNIT_US[found[2] ?? 'us']!);
  }
  return sum;
}

/** `4096`, `256K`, `1s`: whole bytes or microseconds. NaN if it is neither. */
export function quantity(text: string): number {
  const found = /^(-?\d+)(K?)$/.exec(text);
  return found === null ? durationUs(text) : Number(found[1]) * (found[2] === 'K' ? 1_024 : 1);
}

function withoutComment(line: string): string {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '"') quoted = !quoted;
    else if (line[i] === '#' && !quoted) return line.slice(0, i);
  }
  return line;
}

function wordsOf(line: string): string[] {
  return line.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
}
