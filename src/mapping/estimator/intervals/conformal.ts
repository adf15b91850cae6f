/** A prediction that has met its measurement. */
export interface Residual {
  /** ln(measured / predicted). */
  readonly lnError: number;
  /** ln of the predicted slowdown, against running alone. */
  readonly lnSlowdown: number;
  /** How much it counts, by default 1: less for what was measured long ago or under another workload. */
  readonly weight?: number;
}

/** Intervals `prediction * exp(+-halfWidth)`, by predicted slowdown. */
export interface ConformalBins {
  /** Share of predictions that may lie outside. */
  readonly alpha: number;
  /** Upper ends of all bins but the last, ln of slowdown, ascending. */
  readonly cuts: readonly number[];
  /** Of each bin. */
  readonly halfWidths: readonly number[];
  /** Residuals behind each bin. */
  readonly counts: readonly number[];
}

export const defaultAlpha = 0.1;
/** Slowdowns of 1.35, 2 and 3: what hardly shares, shares, and waits. */
const defaultCuts: readonly number[] = [0.3, 0.7, 1.1];

/**
 * The smallest score that at least a share `1 - alpha` of all scores and of one yet unknown stay within: the k-th smallest with
 * `k = ceil((n + 1)(1 - alpha))`, weighted where weights are given (the unknown one weighs as much as the heaviest). Source:
 * split conformal prediction (V. Vovk et al., Algorithmic Learning in a Random World, 2005); weights: R. J. Tibshirani et al.,
 * Conformal Prediction Under Covariate Shift, 2019.
 * @returns null where there are too few to promise that
 */
export function conformalQuantile(
  scores: readonly number[],
  alpha: number,
  weights?: readonly number[],
): number | null {
  if (scores.length === 0) return null;
  const order = scores.map((_, index) => index).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
  const weightOf = (index: number): number => weights?.[index] ?? 1;
  let whole = 0;
  let heaviest = 0;
  for (const index of order) {
    whole += weightOf(index);
    heaviest = Math.max(heaviest, weightOf(index));
  }
  // The last digits of a sum of weights must not decide.
  const needed = (1 - alpha) * (whole + heaviest) * (1 - 1e-12);
  let reached = 0;
  for (const index of order) {
    reached += weightOf(index);
    if (reached >= needed) return scores[index] ?? null;
  }
  return null;
}

/**
 * Upper ends only: `prediction * exp(halfWidth)` is exceeded in a share alpha of cases. Of what never lies below the prediction,
 * such as a high percentile.
 */
export const upperBins = (residuals: readonly Residual[], alpha: number = defaultAlpha): ConformalBins | null =>
  conformalBins(
    residuals.map((residual) => ({ ...residual, lnError: Math.max(0, residual.lnError) })),
    alpha,
  );

/** Fewest scores that promise anything, of equal weight: 9 for 90 %. */
const leastScores = (alpha: number): number => Math.ceil(1 / alpha) - 1;

/**
 * One half width per bin of predicted slowdown (Mondrian conformal prediction), so that a network that waits has a wider interval
 * than one alone, and each bin holds by itself. Bins with too few residuals are joined with the next.
 * @returns null where there are too few residuals for a single bin
 */
export function conformalBins(
  residuals: readonly Residual[],
  alpha: number = defaultAlpha,
  cuts: readonly number[] = defaultCuts,
): ConformalBins | null {
  const groups = cuts.map((): Residual[] => []).concat([[]]);
  for (const residual of residuals) groups[binOf(cuts, residual.lnSlowdown)]?.push(residual);
  const joined: { upTo: number; residuals: Residual[] }[] = [];
  let open: Residual[] = [];
  groups.forEach((group, index) => {
    open = open.concat(group);
    if (widthOf(open, alpha) === null) return;
    joined.push({ upTo: cuts[index] ?? Number.POSITIVE_INFINITY, residuals: open });
    open = [];
  });
  const last = joined.at(-1);
  if (last === undefined) return null;
  last.upTo = Number.POSITIVE_INFINITY;
  last.residuals = last.residuals.concat(open);
  return {
    alpha,
    cuts: joined.slice(0, -1).map(({ upTo }) => upTo),
    halfWidths: joined.map((group) => widthOf(group.residuals, alpha) ?? Number.POSITIVE_INFINITY),
    counts: joined.map((group) => group.residuals.length),
  };
}

function widthOf(residuals: readonly Residual[], alpha: number): number | null {
  if (residuals.length < leastScores(alpha)) return null;
  return conformalQuantile(
    residuals.map(({ lnError }) => Math.abs(lnError)),
    alpha,
    residuals.map(({ weight = 1 }) => weight),
  );
}

export function binOf(cuts: readonly number[], lnSlowdown: number): number {
  let bin = 0;
  while (bin < cuts.length && lnSlowdown > (cuts[bin] ?? 0)) bin += 1;
  return bin;
}

/** Half width, in logarithms, of a prediction with this slowdown. */
export function halfWidthAt(bins: ConformalBins, lnSlowdown: number): number {
  return bins.halfWidths[binOf(bins.cuts, lnSlowdown)] ?? Number.POSITIVE_INFINITY;
}

/** How far above its prediction the power stays in a share `1 - alpha` of cases, as a logarithm; null as above. */
export function powerMargin(lnErrors: readonly number[], alpha: number = defaultAlpha): number | null {
  return lnErrors.length < leastScores(alpha) ? null : conformalQuantile(lnErrors, alpha);
}
