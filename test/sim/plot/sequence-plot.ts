import type { DirectionRecording, FlowRecording, Point, PointKind } from './flow-recording.ts';

const WIDTH = 1_200;
const PANEL_HEIGHT = 380;
const LEFT = 70;
const RIGHT = 20;
const TOP = 40;
const BOTTOM = 40;
const TICKS = 6;
/** A window this much wider than what was sent is cut off at the top. */
const EDGE_SHARE = 1.25;

const COLORS: Readonly<Record<PointKind, string>> = {
  sent: '#1f5fbf',
  again: '#e07b00',
  lost: '#c40000',
  ack: '#0a8a3c',
  edge: '#9a9a9a',
};
const LABELS: Readonly<Record<PointKind, string>> = {
  sent: 'sent first',
  again: 'sent again',
  lost: 'lost on the way',
  ack: 'acknowledged',
  edge: 'window edge',
};

interface Scale {
  readonly x: (atUs: number) => number;
  readonly y: (index: number) => number;
}

/** Draws PDU numbers over time, one panel for each direction, as an SVG document. */
export function sequencePlot(flow: FlowRecording, title: string): string {
  const panels = [
    panel(flow.ab, 'a to b', timesOf(flow), 0),
    panel(flow.ba, 'b to a', timesOf(flow), PANEL_HEIGHT),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${2 * PANEL_HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${LEFT}" y="18" font-size="14">${escaped(title)}</text>`,
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

function timesOf({ ab, ba }: FlowRecording): readonly [number, number] {
  const times = [ab, ba].flatMap(({ points }) =>
    Object.values(points).flatMap((list) => list.map((p) => p.atUs)),
  );
  const first = times.reduce((low, at) => Math.min(low, at), Infinity);
  const last = times.reduce((high, at) => Math.max(high, at), 0);
  return times.length === 0 ? [0, 1] : [first, Math.max(last, first + 1)];
}

function panel(
  way: DirectionRecording,
  name: string,
  [first, last]: readonly [number, number],
  top: number,
): string {
  const { points } = way;
  const highest = [...points.sent, ...points.ack].reduce((high, { index }) => Math.max(high, index), 1);
  const scale: Scale = {
    x: (atUs) => LEFT + ((atUs - first) / (last - first)) * (WIDTH - LEFT - RIGHT),
    y: (index) =>
      top +
      PANEL_HEIGHT -
      BOTTOM -
      (Math.min(index, highest * EDGE_SHARE) / (highest * EDGE_SHARE)) * (PANEL_HEIGHT - TOP - BOTTOM),
  };
  return [
    axes(scale, name, first, last, highest, top),
    steps(points.edge, 'edge', scale),
    steps(points.ack, 'ack', scale),
    dots(points.sent, 'sent', scale),
    dots(points.again, 'again', scale),
    crosses(points.lost, scale),
    legend(top),
  ].join('\n');
}

function axes(
  { x, y }: Scale,
  name: string,
  first: number,
  last: number,
  highest: number,
  top: number,
): string {
  const lines = [`<text x="${LEFT + 8}" y="${top + TOP + 4}" font-weight="bold">${name}</text>`];
  for (let n = 0; n <= TICKS; n += 1) {
    const atUs = first + ((last - first) * n) / TICKS;
    const index = Math.round((highest * EDGE_SHARE * n) / TICKS);
    const [px, py] = [x(atUs).toFixed(1), y(index).toFixed(1)];
    lines.push(
      `<line x1="${px}" x2="${px}" y1="${y(0).toFixed(1)}" y2="${top + TOP}" stroke="#eee"/>`,
      `<text x="${px}" y="${top + PANEL_HEIGHT - BOTTOM + 16}" text-anchor="middle">${(atUs / 1e6).toFixed(3)} s</text>`,
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py}" y2="${py}" stroke="#eee"/>`,
      `<text x="${LEFT - 6}" y="${py}" text-anchor="end">${index}</text>`,
    );
  }
  return lines.join('\n');
}

function steps(points: readonly Point[], kind: PointKind, { x, y }: Scale): string {
  if (points.length === 0) return '';
  const path = points.map(({ atUs, index }, n) =>
    n === 0
      ? `M${x(atUs).toFixed(1)} ${y(index).toFixed(1)}`
      : `H${x(atUs).toFixed(1)}V${y(index).toFixed(1)}`,
  );
  return `<path d="${path.join('')}" fill="none" stroke="${COLORS[kind]}"/>`;
}

function dots(points: readonly Point[], kind: PointKind, { x, y }: Scale): string {
  const path = points.map(({ atUs, index }) => `M${x(atUs).toFixed(1)} ${y(index).toFixed(1)}h0`);
  return `<path d="${path.join('')}" stroke="${COLORS[kind]}" stroke-width="4" stroke-linecap="round"/>`;
}

function crosses(points: readonly Point[], { x, y }: Scale): string {
  const path = points.map(({ atUs, index }) => {
    const [px, py] = [x(atUs).toFixed(1), y(index).toFixed(1)];
    return `M${px} ${py}m-4 -4l8 8m0 -8l-8 8`;
  });
  return `<path d="${path.join('')}" fill="none" stroke="${COLORS.lost}"/>`;
}

function legend(top: number): string {
  const kinds = Object.keys(LABELS) as PointKind[];
  return kinds
    .map((kind, n) => {
      const x = WIDTH - RIGHT - 120 * (kinds.length - n);
      return `<rect x="${x}" y="${top + 22}" width="10" height="10" fill="${COLORS[kind]}"/><text x="${x + 14}" y="${top + 31}">${LABELS[kind]}</text>`;
    })
    .join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
