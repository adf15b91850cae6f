/** `history`: g/kWh of past hours, NaN where missing, the last one just ended. Returns the next `hours`. */
export type Forecaster = (history: Float64Array, hours: number) => Float64Array;

/** As now. */
export const persistence: Forecaster = (history, hours) => new Float64Array(hours).fill(lastKnown(history, 1, 1));

/** As a season ago, or as many seasons ago as it takes to find a value. */
export const seasonal =
  (seasonHours: number): Forecaster =>
  (history, hours) =>
    Float64Array.from({ length: hours }, (_, ahead) =>
      lastKnown(history, seasonHours - (ahead % seasonHours), seasonHours),
    );

/** On the part that the own forecast was set up on, these did best at 24 h; a stronger trend only hurts. */
export const holtWintersSmoothing = { level: 0.2, trend: 0.0005, season: 0.3 };

/** Additive Holt-Winters with a season of a day. */
export const holtWinters: Forecaster = (history, hours) => {
  const { level: alpha, trend: beta, season: gamma } = holtWintersSmoothing;
  const firstDay = history.subarray(0, 24).filter((value) => !Number.isNaN(value));
  let level = firstDay.reduce((sum, value) => sum + value, 0) / firstDay.length;
  let trend = 0;
  const season = Float64Array.from({ length: 24 }, (_, hour) => {
    const value = history[hour] ?? Number.NaN;
    return Number.isNaN(value) ? 0 : value - level;
  });
  for (let hour = 24; hour < history.length; hour += 1) {
    const value = history[hour] ?? Number.NaN;
    const before = level;
    const expected = level + trend;
    const seasonal = season[hour % 24] ?? 0;
    level = Number.isNaN(value) ? expected : alpha * (value - seasonal) + (1 - alpha) * expected;
    trend = Number.isNaN(value) ? trend : beta * (level - before) + (1 - beta) * trend;
    if (!Number.isNaN(value)) season[hour % 24] = gamma * (value - level) + (1 - gamma) * seasonal;
  }
  return Float64Array.from({ length: hours }, (_, ahead) =>
    Math.max(0, level + (ahead + 1) * trend + (season[(history.length + ahead) % 24] ?? 0)),
  );
};

/** Hour-of-day mean, a day weighing 0.8 of the next, and the last hour's departure from it times 0.97 per hour. */
export const hourOfDay: Forecaster = (history, hours) => {
  const sums = new Float64Array(24);
  const weights = new Float64Array(24);
  let last = 0;
  history.forEach((value, index) => {
    if (Number.isNaN(value)) return;
    const weight = 0.8 ** Math.floor((history.length - 1 - index) / 24);
    sums[index % 24] = (sums[index % 24] ?? 0) + weight * value;
    weights[index % 24] = (weights[index % 24] ?? 0) + weight;
    last = index;
  });
  const usual = (hour: number): number => (sums[hour % 24] ?? 0) / (weights[hour % 24] ?? 0);
  const departure = (history[last] ?? Number.NaN) - usual(last);
  return Float64Array.from({ length: hours }, (_, ahead) => {
    const hour = history.length + ahead;
    return Math.max(0, usual(hour) + departure * 0.97 ** (hour - last));
  });
};

/** `back` hours before the end (1 is the last), or further back in steps of `stepHours` until a value is known. */
function lastKnown(history: Float64Array, back: number, stepHours: number): number {
  for (let index = history.length - back; index >= 0; index -= stepHours) {
    const value = history[index] ?? Number.NaN;
    if (!Number.isNaN(value)) return value;
  }
  return Number.NaN;
}
