// Renders docs/ERRORS.md and docs/LIMITS.md from the tables of packages/common. Pure: values in, text out.

const GENERATED =
  '<!-- Written by scripts/docs.mjs; a test compares it with the tables in packages/common. -->';

export function renderErrors(errorTable, advice) {
  const entries = Object.entries(errorTable).map(([code, row]) => {
    const [meaning, action] = required(advice, code, 'advice in scripts/docs-advice.mjs');
    const retry = row.retryable ? 'yes' : 'no';
    return [
      `## ${code}`,
      '',
      `errno ${row.errno}, ${row.category}, retry: ${retry}. Default message: "${row.message}".`,
      '',
      `- What it means: ${meaning}`,
      `- What to do: ${action}`,
      '',
    ].join('\n');
  });
  const intro = [
    '# Errors',
    '',
    GENERATED,
    '',
    'Every error of the public API is a `FlowringError` with one of these codes. Test it with',
    '`isFlowringError(error, code)`. `details` holds the values (name, limit, elapsed time). Numbers 1000 to 1009 are',
    "O7s's, numbers below 1000 are POSIX's, numbers from 1100 are ours. Rows are appended, never renumbered.",
    '',
    '`retry: yes` means that the same call may succeed later without a change.',
    '',
  ].join('\n');
  return `${intro}\n${entries.join('\n')}`;
}

export function renderLimits({ limits, times, source, limitOutcomes, timeOutcomes }) {
  const table = (values, outcomes) =>
    Object.entries(values).map(([name, value]) => [
      `\`${name}\``,
      value.toLocaleString('en-US'),
      describe(source, name),
      required(outcomes, name, 'outcome in scripts/docs-advice.mjs'),
    ]);
  return [
    '# Limits and default times',
    '',
    GENERATED,
    '',
    'Everything is bounded. Reaching a bound has a defined outcome, and nothing else suffers from it.',
    '',
    '## Limits',
    '',
    ...markdownTable(['name', 'value', 'what', 'at the limit'], table(limits, limitOutcomes)),
    '',
    '## Default times',
    '',
    'In milliseconds. Each can be set per call or in the configuration of the daemon.',
    '',
    ...markdownTable(['name', 'ms', 'what', 'when it is over'], table(times, timeOutcomes)),
    '',
  ].join('\n');
}

export function renderMetricsTable(metrics, nameOf) {
  const sections = Object.entries(metrics).flatMap(([group, rows]) => [
    `## ${METRIC_GROUPS[group] ?? group}`,
    '',
    ...markdownTable(
      ['name', 'type', 'what'],
      Object.entries(rows).map(([key, { type, help }]) => [`\`${nameOf(group, key)}\``, type, help]),
    ),
    '',
  ]);
  return [
    '# Metrics',
    '',
    GENERATED,
    '',
    '`irm metrics` prints them in the text format of Prometheus; `irm metrics --json` as they are counted. With',
    '`[metrics] listen = "127.0.0.1:9464"` in its configuration the daemon serves them at `/metrics`. Those of IPCPs have the',
    'labels `ipcp`, `layer` and `type`. Each look asks every IPCP once; one that does not answer within a second is left out.',
    '',
    ...sections,
  ].join('\n');
}

const METRIC_GROUPS = {
  irmd: 'IRMd',
  tables: 'Tables of an IPCP',
  fa: 'Flow allocator and liveness',
  o7s: 'Flow allocator towards C peers',
  udp: 'Layer udp: packets',
  neighbours: 'Layer udp: neighbours',
  o7sUdp: 'Layer o7s-udp: packets',
  socket: 'UDP socket',
  directory: 'Directory (query)',
  channel: 'Channels of an IPCP to applications',
};

/** The doc comment in front of `name:` in the source of the tables, on one line. */
export function describe(source, name) {
  const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*?)\\*/\\s*${name}:`).exec(source)?.[1];
  if (comment === undefined) throw new Error(`${name} has no doc comment`);
  return comment.replaceAll(/\n\s*\*\s?/g, ' ').trim();
}

function markdownTable(head, rows) {
  const widths = head.map((title, i) => Math.max(title.length, 3, ...rows.map((row) => row[i].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

function required(table, key, what) {
  if (!Object.hasOwn(table, key)) throw new Error(`${key} has no ${what}`);
  return table[key];
}
