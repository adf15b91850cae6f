/**
 * Quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan, as NumPy and R use by default).
 * null for an empty list.
 */
export function quantile(values: ArrayLike<number>, share: number): number | null {
  // A typed array sorts numbers without calling back for each comparison.
  const sorted = new Float64Array(values).sort();
  const position = (sorted.length - 1) * Math.min(1, Math.max(0, share));
  const lower = sorted[Math.floor(position)];
  const upper = sorted[Math.ceil(position)];
  if (lower === undefined || upper === undefined) return null;
  return lower + (upper - lower) * (position - Math.floor(position));
}
