import { importsOf, packageOf, resolveRelative } from './imports.ts';
import type { SourceFile } from './source-files.ts';

/** One row of the floors table in docs/ARCHITECTURE.md. The first row whose pattern fits a file is its floor. */
interface Floor {
  readonly name: string;
  readonly files: RegExp;
  /** Packages it may import, ours and others'. */
  readonly packages: readonly string[];
  /** Its own files it may import, beside its own floor's. */
  readonly below: RegExp;
  readonly node: boolean;
}

const OURS_BELOW = [
  '@flowring/frcp',
  '@flowring/common',
  '@flowring/channel',
  '@flowring/datagram',
  '@flowring/control',
];
const NOTHING = /(?!)/;
const CORE = /^packages\/(channel|datagram|irmd|ipcpd)\/src\/core\//;

const FLOORS: readonly Floor[] = [
  { name: 'frcp', files: /^packages\/frcp\/src\//, packages: [], below: NOTHING, node: false },
  {
    name: 'common',
    files: /^packages\/common\/src\//,
    packages: ['@flowring/frcp', 'msgpackr', 'eventemitter3', 'debug'],
    below: NOTHING,
    node: false,
  },
  {
    name: 'core',
    files: CORE,
    packages: ['@flowring/frcp', '@flowring/common'],
    // The contract of the channel holds types only.
    below: /^packages\/channel\/src\/channel\.ts$/,
    node: false,
  },
  {
    name: 'bin',
    files: /^packages\/([^/]+\/src\/(bin\/|daemon\.ts$)|(irmd|ipcpd)\/src\/index\.ts$)/,
    packages: [...OURS_BELOW, '@flowring/irmd', '@flowring/ipcpd', 'commander', 'smol-toml'],
    below: /^packages\//,
    node: true,
  },
  {
    name: 'driver',
    files: /^packages\/[^/]+\/src\//,
    packages: [
      ...OURS_BELOW,
      'zeromq',
      'koffi',
      'msgpackr',
      'eventemitter3',
      'debug',
      'smol-toml',
      'commander',
      '@nats-io/kv',
      '@nats-io/transport-node',
    ],
    below: CORE,
    node: true,
  },
  {
    name: 'examples',
    files: /^examples\/src\//,
    packages: ['@flowring/libdev', 'commander'],
    below: NOTHING,
    node: true,
  },
];

/** Every import of the file that leaves its floor upwards or sideways, as sentences. */
export function floorViolations(file: SourceFile): string[] {
  const floor = FLOORS.find((one) => one.files.test(file.path));
  if (floor === undefined) return [];
  return importsOf(file.text).flatMap((specifier) => {
    const why = violation(floor, file.path, specifier);
    return why === null ? [] : [`${file.path} imports ${specifier}: ${why}`];
  });
}

function violation(floor: Floor, from: string, specifier: string): string | null {
  if (specifier.startsWith('node:')) return floor.node ? null : `no Node module on the floor ${floor.name}`;
  const target = resolveRelative(from, specifier);
  if (target !== null) return relativeViolation(floor, from, target);
  if (/^@flowring\/[^/]+\/./.test(specifier) && !/^@flowring\/libdev\/(posix|testing)$/.test(specifier)) {
    return "only a package's public entry may be imported";
  }
  return floor.packages.includes(packageOf(specifier)!) ? null : `not allowed on the floor ${floor.name}`;
}

function relativeViolation(floor: Floor, from: string, target: string): string | null {
  const home = /^(packages\/[^/]+|examples)\/src\//.exec(from)![0];
  if (!target.startsWith(home)) return 'leaves its package';
  const targetFloor = FLOORS.find((one) => one.files.test(target))!;
  if (targetFloor === floor || floor.below.test(target)) return null;
  return `${targetFloor.name} is above ${floor.name}`;
}

const FORBIDDEN_IN_CORES =
  /\b(Date\.now|new Date|Math\.random|performance\.|setTimeout|setInterval|setImmediate|queueMicrotask|process\.(?:env|pid|hrtime|nextTick|argv|cwd|exit|stdout|stderr|on|memoryUsage)\b|Promise\b|async\b|await\b)/;

/** Clocks, timers, randomness and promises in a pure file, comments apart. `common` may name a Promise type. */
export function impurities(file: SourceFile): string[] {
  const isPure = /^packages\/(frcp|common)\/src\//.test(file.path) || CORE.test(file.path);
  if (!isPure) return [];
  return withoutComments(file.text)
    .split('\n')
    .flatMap((line, index) => {
      const found = FORBIDDEN_IN_CORES.exec(line)?.[0];
      return found === undefined ? [] : [`${file.path}:${index + 1} uses ${found}`];
    });
}

/** Blanks comments and keeps the line numbers. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\/|(?<!:)\/\/.*/g, (comment) => comment.replaceAll(/[^\n]/g, ' '));
}
