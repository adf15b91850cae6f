import { rounded } from '../report';

/** A policy as a point: what it emits and what it gives up, against the baseline. */
export interface PolicyPoint {
  readonly policy: string;
  readonly carbonPct: number;
  readonly accuracyLostPt: number;
}

/** What timing is worth in a zone, % against the best constant plan of the same accuracy. */
export interface ZoneBar {
  readonly zone: string;
  readonly oursPct: number;
  readonly oraclePct: number;
}

export interface Picture {
  readonly policies: readonly PolicyPoint[];
  /** Our policy at several allowances. */
  readonly ours: readonly PolicyPoint[];
  readonly zones: readonly ZoneBar[];
  readonly note: string;
}

const size = { width: 980, height: 540 } as const;
const left = { x: 64, y: 76, width: 430, height: 380 } as const;
const right = { x: 686, y: 76, width: 250, height: 380 } as const;
const emphasised = ['ours', 'Ecomap as published'];

/** Colours of both schemes: the picture follows the reader's and brings its own ground, so that it reads on any page. */
const style = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .ground { fill: #ffffff } .title { font-weight: 600; font-size: 14px } .muted { fill: #59636e } .strong { font-weight: 600 }
  text { paint-order: stroke; stroke: #ffffff; stroke-width: 3px }
  .line { stroke: #d1d9e0 } .axis { stroke: #818b98 } .other { fill: #818b98 } .paper { fill: #bc4c00 } .ours { fill: #1a7f37 }
  .path { stroke: #1a7f37; fill: none; stroke-width: 2 } .oracle { fill: #b8dfc4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; stroke: #0d1117 } .ground { fill: #0d1117 } .muted { fill: #9198a1 } .line { stroke: #2a3038 } .axis { stroke: #656c76 }
    .other { fill: #9198a1 } .paper { fill: #f0883e } .ours { fill: #3fb950 } .path { stroke: #3fb950 } .oracle { fill: #24502f }
  }`;

/** Draws the result: every policy by grams and accuracy, and beside it what the choice of the time adds, zone by zone. */
export function pictureOf({ policies, ours, zones, note }: Picture): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img">`,
    '<title>Carbon and accuracy of every policy, and what the choice of the time is worth in each zone</title>',
    `<style>${style}\n</style>`,
    `<rect class="ground" width="${size.width}" height="${size.height}" rx="8"/>`,
    ...frontierPanel(policies, ours),
    ...zonePanel(zones),
    text(16, size.height - 16, note, 'muted'),
    '</svg>',
    '',
  ].join('\n');
}

function frontierPanel(policies: readonly PolicyPoint[], ours: readonly PolicyPoint[]): string[] {
  const all = [...policies, ...ours];
  const most = Math.max(1, Math.ceil(Math.max(...all.map(({ accuracyLostPt }) => accuracyLostPt))));
  const top = 10 * Math.ceil(Math.max(...all.map(({ carbonPct }) => carbonPct)) / 10);
  const bottom = 10 * Math.floor(Math.min(...all.map(({ carbonPct }) => carbonPct)) / 10);
  const x = (points: number): number => left.x + (left.width * points) / most;
  const y = (percent: number): number => left.y + (left.height * (top - percent)) / (top - bottom);
  const rows = Array.from({ length: (top - bottom) / 10 + 1 }, (_, at) => top - 10 * at);
  const columns = Array.from({ length: most + 1 }, (_, at) => at);
  const path = [...ours].sort((a, b) => a.accuracyLostPt - b.accuracyLostPt);
  return [
    text(16, 28, 'Carbon against accuracy', 'title'),
    text(16, 48, 'change in grams against the throughput-optimal mapping at MAXN, %', 'muted'),
    ...rows.flatMap((percent) => [
      line(left.x, y(percent), left.x + left.width, y(percent), percent === 0 ? 'axis' : 'line'),
      text(left.x - 8, y(percent) + 4, signed(percent), 'muted', 'end'),
    ]),
    ...columns.map((points) => text(x(points), left.y + left.height + 20, String(points), 'muted', 'middle')),
    text(left.x + left.width, left.y + left.height + 40, 'accuracy given up, points in the mean', 'muted', 'end'),
    `<polyline class="path" points="${path.map((point) => `${px(x(point.accuracyLostPt))},${px(y(point.carbonPct))}`).join(' ')}"/>`,
    ...path.map((point) => dot(x(point.accuracyLostPt), y(point.carbonPct), 3, 'ours')),
    ...labels(policies, x, y),
    ...path.slice(-1).map((point) => text(x(point.accuracyLostPt) + 10, y(point.carbonPct) + 4, 'ours, more allowed')),
  ];
}

/** Dots with their names, moved apart where they would lie on each other. */
function labels(
  policies: readonly PolicyPoint[],
  x: (points: number) => number,
  y: (percent: number) => number,
): string[] {
  const spacing = 15;
  let lowest = -Infinity;
  return [...policies]
    .sort((a, b) => b.carbonPct - a.carbonPct)
    .flatMap(({ policy, carbonPct, accuracyLostPt }) => {
      const tone = policy.startsWith('ours') ? 'ours' : policy.startsWith('Ecomap') ? 'paper' : 'other';
      const [atX, atY] = [x(accuracyLostPt), y(carbonPct)];
      const farRight = atX > left.x + 0.6 * left.width;
      const labelY = farRight ? atY + 4 : Math.max(atY + 4, lowest + spacing);
      if (!farRight) lowest = labelY;
      const name = `${policy} ${signed(rounded(carbonPct, 0))}`;
      const weight = emphasised.includes(policy) ? 'strong' : '';
      return [
        dot(atX, atY, weight === '' ? 4 : 5.5, tone),
        text(atX + (farRight ? -9 : 10), labelY, name, weight, farRight ? 'end' : 'start'),
      ];
    });
}

function zonePanel(zones: readonly ZoneBar[]): string[] {
  const saved = zones.flatMap(({ oursPct, oraclePct }) => [-oursPct, -oraclePct]);
  const least = Math.min(0, Math.floor(Math.min(...saved)));
  const most = Math.max(1, Math.ceil(Math.max(...saved)));
  const x = (percent: number): number => right.x + (right.width * (percent - least)) / (most - least);
  const step = right.height / zones.length;
  const columns = Array.from({ length: most - least + 1 }, (_, at) => least + at);
  const sorted = [...zones].sort((a, b) => a.oraclePct - b.oraclePct);
  return [
    text(520, 28, 'What the choice of the time is worth', 'title'),
    text(520, 48, 'less grams than the best constant plan of the same accuracy, %', 'muted'),
    ...columns.map((percent) =>
      line(x(percent), right.y, x(percent), right.y + right.height, percent === 0 ? 'axis' : 'line'),
    ),
    ...columns.map((percent) => text(x(percent), right.y + right.height + 20, String(percent), 'muted', 'middle')),
    ...sorted.flatMap(({ zone, oursPct, oraclePct }, at) => {
      const top = right.y + step * at;
      return [
        bar(x(0), x(-oraclePct), top + 0.14 * step, 0.72 * step, 'oracle'),
        bar(x(0), x(-oursPct), top + 0.32 * step, 0.36 * step, 'ours'),
        text(right.x - 10, top + step / 2 + 4, shortName(zone), '', 'end'),
      ];
    }),
    bar(520, 534, size.height - 45, 8, 'ours'),
    text(540, size.height - 37, 'ours'),
    bar(584, 598, size.height - 48, 14, 'oracle'),
    text(604, size.height - 37, 'the most that perfect foresight could save'),
  ];
}

/** The recording's year and step are told in the benchmark's output. */
const shortName = (zone: string): string => zone.replace(/-[^/]*\//, ' ').replace('/', ' ');
const px = (value: number): string => value.toFixed(1);
const signed = (value: number): string =>
  value > 0 ? `+${value}` : value < 0 ? `\u2212${Math.abs(value)}` : `${Math.abs(value)}`;
const dot = (x: number, y: number, radius: number, tone: string): string =>
  `<circle class="${tone}" cx="${px(x)}" cy="${px(y)}" r="${radius}"/>`;
const line = (x1: number, y1: number, x2: number, y2: number, tone: string): string =>
  `<line class="${tone}" x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}"/>`;
const bar = (from: number, to: number, y: number, height: number, tone: string): string =>
  `<rect class="${tone}" x="${px(Math.min(from, to))}" y="${px(y)}" width="${px(Math.abs(to - from))}" height="${px(height)}"/>`;

function text(x: number, y: number, words: string, tone = '', anchor: 'start' | 'middle' | 'end' = 'start'): string {
  const escaped = words.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const classes = tone === '' ? '' : ` class="${tone}"`;
  return `<text x="${px(x)}" y="${px(y)}"${classes} text-anchor="${anchor}">${escaped}</text>`;
}
