import { svgElement } from './svg';

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

interface StripPoint {
  readonly validFrom: string;
  readonly validTo: string;
  readonly intensityGPerKwh: number | null;
  readonly lowerGPerKwh?: number;
  readonly upperGPerKwh?: number;
}

/** As the runtime tells it of a deployed grid. */
export interface GridStrip {
  readonly at: string;
  readonly zone: string;
  readonly signal: string;
  readonly basis: string;
  readonly quality: string;
  readonly intensityGPerKwh: number | null;
  readonly past: readonly StripPoint[];
  readonly forecast: readonly StripPoint[];
  readonly forecastBy: 'provider' | 'own';
  readonly attribution: string;
}

const size = { width: 440, height: 130, left: 34, right: 8, top: 8, bottom: 18 };
const hourMs = 3_600_000;
/** Reads on light and on dark ground. */
const pastColor = '#3f9b57';

interface Step {
  readonly fromMs: number;
  readonly toMs: number;
  readonly value: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

const stepsOf = (points: readonly StripPoint[]): Step[] =>
  points.flatMap(({ validFrom, validTo, intensityGPerKwh, lowerGPerKwh, upperGPerKwh }) =>
    intensityGPerKwh === null
      ? []
      : [
          {
            fromMs: Date.parse(validFrom),
            toMs: Date.parse(validTo),
            value: intensityGPerKwh,
            lower: lowerGPerKwh ?? null,
            upper: upperGPerKwh ?? null,
          },
        ],
  );

/** The last 24 hours as a line, the forecast dashed, its 90 % interval as a band; in words for those who do not see it. */
function drawing(strip: GridStrip, words: string, text: Text): SVGElement {
  const atMs = Date.parse(strip.at);
  const past = stepsOf(strip.past);
  const ahead = stepsOf(strip.forecast).filter(({ toMs }) => toMs > atMs);
  const firstMs = atMs - 24 * hourMs;
  const lastMs = Math.max(atMs + hourMs, ...ahead.map(({ toMs }) => toMs));
  const values = [...past, ...ahead].flatMap(({ value, lower, upper }) => [value, lower ?? value, upper ?? value]);
  const lowest = Math.floor(Math.min(...values) / 10) * 10;
  const highest = Math.max(lowest + 10, Math.ceil(Math.max(...values) / 10) * 10);
  const bottom = size.height - size.bottom;
  const x = (ms: number): number => {
    const share = (Math.min(lastMs, Math.max(firstMs, ms)) - firstMs) / (lastMs - firstMs);
    return Math.round((size.left + share * (size.width - size.left - size.right)) * 10) / 10;
  };
  const y = (value: number): number =>
    Math.round((bottom - ((value - lowest) / (highest - lowest)) * (bottom - size.top)) * 10) / 10;
  const line = (steps: readonly Step[]): string =>
    steps
      .map(({ fromMs, toMs, value }, index) => {
        const joins = index > 0 && steps[index - 1]?.toMs === fromMs;
        return `${joins ? 'L' : 'M'}${x(fromMs)} ${y(value)}L${x(toMs)} ${y(value)}`;
      })
      .join('');
  const svg = svgElement('svg', {
    viewBox: `0 0 ${size.width} ${size.height}`,
    role: 'img',
    'aria-label': words,
    style: 'width: 100%; max-width: 560px; display: block; color: inherit',
  });
  const label = (at: { x: number; y: number; anchor: string }, shown: string): SVGElement =>
    svgElement('text', { x: at.x, y: at.y, 'text-anchor': at.anchor, 'font-size': 10, fill: 'currentColor' }, shown);
  svg.append(svgElement('title', {}, words));
  for (const { fromMs, toMs, lower, upper } of ahead) {
    if (lower === null || upper === null) continue;
    const band = { x: x(fromMs), y: y(upper), width: x(toMs) - x(fromMs), height: Math.max(0.5, y(lower) - y(upper)) };
    svg.append(svgElement('rect', { ...band, fill: 'currentColor', opacity: 0.16, 'data-ecomap-part': 'band' }));
  }
  const axis = { stroke: 'currentColor', 'stroke-width': 1, opacity: 0.4 };
  svg.append(
    svgElement('line', { x1: size.left, x2: size.width - size.right, y1: bottom, y2: bottom, ...axis }),
    svgElement('line', { x1: x(atMs), x2: x(atMs), y1: size.top, y2: bottom, ...axis, 'stroke-dasharray': '1 3' }),
  );
  const stroke = { fill: 'none', 'stroke-width': 2, 'stroke-linejoin': 'round' };
  if (past.length > 0) {
    svg.append(svgElement('path', { d: line(past), ...stroke, stroke: pastColor, 'data-ecomap-part': 'past' }));
  }
  if (ahead.length > 0) {
    const dashed = { stroke: 'currentColor', 'stroke-dasharray': '4 3', 'data-ecomap-part': 'forecast' };
    svg.append(svgElement('path', { d: line(ahead), ...stroke, ...dashed, 'stroke-width': 1.5 }));
  }
  svg.append(
    label({ x: size.left - 4, y: y(highest) + 8, anchor: 'end' }, String(highest)),
    label({ x: size.left - 4, y: bottom, anchor: 'end' }, String(lowest)),
    label({ x: size.left, y: size.height - 4, anchor: 'start' }, text('strip.dayAgo')),
    label({ x: x(atMs), y: size.height - 4, anchor: 'middle' }, text('strip.now')),
    label(
      { x: size.width - size.right, y: size.height - 4, anchor: 'end' },
      text('strip.ahead', { hours: Math.round((lastMs - atMs) / hourMs) }),
    ),
  );
  return svg;
}

const rangeOf = (steps: readonly Step[]): { lowest: number; highest: number } => ({
  lowest: Math.round(Math.min(...steps.map(({ value }) => value))),
  highest: Math.round(Math.max(...steps.map(({ value }) => value))),
});

/** What the drawing says, in sentences. */
function wordsOf(strip: GridStrip, text: Text): string {
  const atMs = Date.parse(strip.at);
  const past = stepsOf(strip.past);
  const ahead = stepsOf(strip.forecast).filter(({ toMs }) => toMs > atMs);
  const sentences = [
    past.length === 0 ? text('strip.noPast') : text('strip.past', rangeOf(past)),
    strip.intensityGPerKwh === null
      ? text('strip.unknown')
      : text('strip.value', {
          intensity: Math.round(strip.intensityGPerKwh),
          quality: text(`quality.${strip.quality}`),
        }),
    ahead.length === 0
      ? text('strip.noForecast')
      : text(strip.forecastBy === 'own' ? 'strip.ownForecast' : 'strip.forecast', {
          ...rangeOf(ahead),
          hours: Math.round(((ahead.at(-1)?.toMs ?? atMs) - atMs) / hourMs),
        }),
  ];
  return sentences.join(' ');
}

/** Shows the strip of a deployed grid; of one that is not, that it comes with the deploy. */
export function showStrip(place: JQuery, id: string, text: Text): void {
  const say = (words: string): void => {
    place.empty().append($('<p style="margin: 0">').text(words));
  };
  say(text('strip.loading'));
  $.getJSON(`ecomap/grid/${encodeURIComponent(id)}/course`)
    .done((strip: GridStrip | null) => {
      if (strip === null) return say(text('strip.deploy'));
      const words = wordsOf(strip, text);
      const isEmpty = strip.past.length + strip.forecast.length === 0;
      say(words);
      if (!isEmpty) place.prepend($(drawing(strip, words, text) as unknown as HTMLElement));
    })
    .fail((response: JQuery.jqXHR) => {
      const known = (response.responseJSON as { message?: string } | undefined)?.message;
      say(known ?? text('strip.failed'));
    });
}
