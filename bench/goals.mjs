// The goals, as ratios of medians of one run.

/** Each: what it says, the measured value, the bound, and in which direction. */
export function goals({ latency, rates, cycles, crowds }) {
  const atMost = (name, value, bound) => ({ name, value, bound: `<= ${bound}`, pass: value <= bound });
  const atLeast = (name, value, bound) => ({ name, value, bound: `>= ${bound}`, pass: value >= bound });
  const rate = (subject, size) => rates[subject][size].perSecond / rates.unix[size].perSecond;
  const list = [
    atMost('raw round trip 64 B / unix', latency.raw.p50Us / latency.unix.p50Us, 0.4),
    atLeast('raw one way 64 B / unix', rate('raw', 64), 8),
    atLeast('raw one way 1400 B / unix', rate('raw', 1_400), 4),
    atLeast('raw one way 16 KiB / unix', rate('raw', 16_384), 2),
    atMost('reliable round trip 64 B / unix', latency.reliable.p50Us / latency.unix.p50Us, 0.6),
    atLeast('reliable one way 64 B / unix', rate('reliable', 64), 4),
    atLeast('reliable one way 16 KiB / unix', rate('reliable', 16_384), 1.5),
    atMost('allocate+echo+deallocate / unix connect+echo+close', cycles.raw.p50Us / cycles.unix.p50Us, 1.2),
  ];
  for (const subject of ['raw', 'reliable']) {
    const many = crowds[subject].at(-1);
    list.push(atMost(`${subject}: bytes per flow, ${many.links} open`, many.bytesPerLink, 2_048));
    list.push(atMost(`${subject}: busy flow slower among ${many.links}, %`, 100 * many.slowerBy, 20));
  }
  return list;
}
