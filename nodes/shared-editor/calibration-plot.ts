import type { CalibrationSummary } from '../../src/signals/calibration';
import { svgElement } from './svg';

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;
type Point = CalibrationSummary['points'][number];

const size = { width: 440, height: 330, left: 44, right: 12, top: 12, bottom: 40 };
/** Reads on light and on dark ground. */
const afterColor = '#2d7fc4';

const isDrawable = ({ measuredMs, beforeMs, afterMs }: Point): boolean =>
  [measuredMs, beforeMs, afterMs].every((value) => Number.isFinite(value) && value > 0);

/** 1, 2 and 5 of each power of ten within the range; powers of ten alone where that were too many. */
function ticksWithin(lowest: number, highest: number): number[] {
  const powers: number[] = [];
  for (let power = Math.floor(Math.log10(lowest)); power <= Math.ceil(Math.log10(highest)); power += 1)
    powers.push(power);
  const steps = powers.length > 4 ? [1] : [1, 2, 5];
  return powers
    .flatMap((power) => steps.map((step) => step * 10 ** power))
    .filter((tick) => tick >= lowest * 0.999 && tick <= highest * 1.001);
}

const shown = (value: number): string => String(Number(value.toPrecision(3)));

function medianErrorPct(points: readonly Point[], predicted: (point: Point) => number): number {
  const errors = points.map((point) => Math.abs(predicted(point) / point.measuredMs - 1)).sort((a, b) => a - b);
  return 100 * (errors[Math.floor(errors.length / 2)] ?? 0);
}

/** What the drawing says, in a sentence. */
function wordsOf(points: readonly Point[], text: Text): string {
  return text('calibrate.plot.words', {
    count: points.length,
    before: shown(medianErrorPct(points, ({ beforeMs }) => beforeMs)),
    after: shown(medianErrorPct(points, ({ afterMs }) => afterMs)),
  });
}

/**
 * Predicted against measured latency, both on logarithmic axes of the same range: what is predicted right lies on the diagonal.
 * Hollow before calibration, filled after it. Null where there is nothing to draw.
 */
export function calibrationPlot(all: readonly Point[], text: Text): SVGElement | null {
  const points = all.filter(isDrawable);
  if (points.length === 0) return null;
  const values = points.flatMap(({ measuredMs, beforeMs, afterMs }) => [measuredMs, beforeMs, afterMs]);
  const lowest = Math.min(...values) / 1.15;
  const highest = Math.max(...values) * 1.15;
  const share = (value: number): number => Math.log(value / lowest) / Math.log(highest / lowest);
  const right = size.width - size.right;
  const bottom = size.height - size.bottom;
  const rounded = (value: number): number => Math.round(value * 10) / 10;
  const x = (value: number): number => rounded(size.left + share(value) * (right - size.left));
  const y = (value: number): number => rounded(bottom - share(value) * (bottom - size.top));

  const words = wordsOf(points, text);
  const svg = svgElement('svg', {
    viewBox: `0 0 ${size.width} ${size.height}`,
    role: 'img',
    'aria-label': words,
    style: 'width: 100%; max-width: 520px; display: block; color: inherit',
  });
  svg.append(svgElement('title', {}, words));
  const label = (attributes: Readonly<Record<string, string | number>>, content: string): SVGElement =>
    svgElement('text', { 'font-size': 10, fill: 'currentColor', ...attributes }, content);
  const line = { stroke: 'currentColor', 'stroke-width': 1 };
  for (const tick of ticksWithin(lowest, highest)) {
    svg.append(
      svgElement('line', { x1: x(tick), x2: x(tick), y1: size.top, y2: bottom, ...line, opacity: 0.12 }),
      svgElement('line', { x1: size.left, x2: right, y1: y(tick), y2: y(tick), ...line, opacity: 0.12 }),
      label({ x: x(tick), y: bottom + 13, 'text-anchor': 'middle' }, shown(tick)),
      label({ x: size.left - 5, y: y(tick) + 3, 'text-anchor': 'end' }, shown(tick)),
    );
  }
  const middleY = (size.top + bottom) / 2;
  svg.append(
    svgElement('line', { x1: size.left, x2: right, y1: bottom, y2: bottom, ...line, opacity: 0.4 }),
    svgElement('line', { x1: size.left, x2: size.left, y1: size.top, y2: bottom, ...line, opacity: 0.4 }),
    svgElement('line', {
      ...{ x1: size.left, y1: bottom, x2: right, y2: size.top },
      ...{ ...line, opacity: 0.6, 'stroke-dasharray': '4 3', 'data-ecomap-part': 'diagonal' },
    }),
    label({ x: (size.left + right) / 2, y: size.height - 8, 'text-anchor': 'middle' }, text('calibrate.plot.measured')),
    label(
      { x: 11, y: middleY, 'text-anchor': 'middle', transform: `rotate(-90 11 ${middleY})` },
      text('calibrate.plot.predicted'),
    ),
  );
  const before = { r: 3.2, fill: 'none', stroke: 'currentColor', 'stroke-width': 1, opacity: 0.65 };
  const after = { r: 2.8, fill: afterColor, 'fill-opacity': 0.85 };
  const dot = (cx: number, cy: number, look: Readonly<Record<string, string | number>>, part: string): SVGElement =>
    svgElement('circle', { cx, cy, ...look, 'data-ecomap-part': part });
  svg.append(
    ...points.map((point) => dot(x(point.measuredMs), y(point.beforeMs), before, 'before')),
    ...points.map((point) => dot(x(point.measuredMs), y(point.afterMs), after, 'after')),
  );
  const legend = (row: number, look: Readonly<Record<string, string | number>>, part: string): SVGElement[] => [
    dot(size.left + 12, size.top + 10 + 15 * row, look, `legend-${part}`),
    label({ x: size.left + 20, y: size.top + 13.5 + 15 * row }, text(`calibrate.plot.${part}`)),
  ];
  svg.append(...legend(0, before, 'before'), ...legend(1, after, 'after'));
  return svg;
}
