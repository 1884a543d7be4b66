// Prints the tables.

export function printTables({ titles, latency, rates, cycles, crowds, goals }) {
  const us = (value) => (value === undefined ? '-' : value.toFixed(1));
  print(
    'Round trip 64 B (us)',
    ['', 'p50', 'p99', 'p50 / unix'],
    Object.entries(latency).map(([key, { p50Us, p99Us }]) => [
      titles[key],
      us(p50Us),
      us(p99Us),
      ratio(p50Us / latency.unix.p50Us),
    ]),
  );
  for (const size of Object.keys(rates.unix)) {
    print(
      `One way ${size} B`,
      ['', 'messages/s', 'MB/s', '/ unix'],
      Object.entries(rates).map(([key, bySize]) => [
        titles[key],
        Math.round(bySize[size].perSecond).toLocaleString('en-US'),
        ((bySize[size].perSecond * size) / 1e6).toFixed(0),
        ratio(bySize[size].perSecond / rates.unix[size].perSecond),
      ]),
    );
  }
  print(
    'Allocate or connect, echo, deallocate or close (us)',
    ['', 'p50', 'p99', 'p50 / unix'],
    Object.entries(cycles).map(([key, { p50Us, p99Us }]) => [
      titles[key],
      us(p50Us),
      us(p99Us),
      ratio(p50Us / cycles.unix.p50Us),
    ]),
  );
  print(
    'Many open flows or connections, one of them busy with 1400 B',
    ['', 'open', 'bytes each', 'client', 'server', 'irmd', 'busy messages/s', 'alone', 'slower by'],
    Object.entries(crowds).flatMap(([key, rows]) =>
      rows.map(({ links, bytesPerLink, bytesByProcess = {}, busyPerSecond, quietPerSecond, slowerBy }) => [
        titles[key],
        String(links),
        ...[bytesPerLink, bytesByProcess.client, bytesByProcess.server, bytesByProcess.irmd].map(whole),
        whole(busyPerSecond),
        whole(quietPerSecond),
        `${(100 * slowerBy).toFixed(0)} %`,
      ]),
    ),
  );
  print(
    'Goals',
    ['', 'measured', 'goal', ''],
    goals.map(({ name, value, bound, pass }) => [name, ratio(value), bound, pass ? 'PASS' : 'FAIL']),
  );
}

function whole(value) {
  return value === undefined ? '-' : Math.round(value).toLocaleString('en-US');
}

function ratio(value) {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function print(title, head, rows) {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i].length)));
  const line = (cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  console.log(`\n${title}\n${[head, ...rows].map(line).join('\n')}`);
}
