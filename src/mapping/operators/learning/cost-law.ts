const sweeps = 200;

/** Relative errors below this count alike when rows are weighed again. */
const smallError = 0.03;
const reweightings = 8;

/**
 * Fits `cost = sum over columns of factor x column` with factors that are not negative, so that it also holds beyond what was seen:
 * least relative error in absolute terms (least squares, weighed again and again), which measurements that something disturbed hardly
 * move.
 * @param rows of equal length; costs are positive
 */
export function fitCostLaw(rows: readonly (readonly number[])[], costs: readonly number[]): number[] {
  const relative = rows.map((row, index) => row.map((value) => value / (costs[index] ?? 1)));
  let weights = relative.map(() => 1);
  let factors: number[] = [];
  for (let round = 0; round < reweightings; round += 1) {
    const weighed = relative.map((row, index) => row.map((value) => value * (weights[index] ?? 1)));
    factors = leastSquares(weighed, weights, { ridge: 1e-6, floor: 0 });
    weights = relative.map((row) => Math.max(smallError, Math.abs(applyCostLaw(factors, row) - 1)) ** -0.5);
  }
  return factors;
}

export function applyCostLaw(factors: readonly number[], row: readonly number[]): number {
  return factors.reduce((total, factor, column) => total + factor * (row[column] ?? 0), 0);
}

export interface LeastSquaresOptions {
  /** Pulls every factor to zero; of the columns scaled to the same length. Also decides between columns that say the same. */
  readonly ridge: number;
  /** No factor is less. */
  readonly floor: number;
}

/** Factors of the columns for which their sum comes closest to the targets, found one after the other, again and again. */
export function leastSquares(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  { ridge, floor }: LeastSquaresOptions,
): number[] {
  const columns = rows[0]?.length ?? 0;
  const norms = eachOf(columns, (column) => Math.sqrt(sum(rows, (row) => (row[column] ?? 0) ** 2)) || 1);
  const unit = rows.map((row) => row.map((value, column) => value / (norms[column] ?? 1)));
  const gram = eachOf(columns, (a) =>
    eachOf(columns, (b) => sum(unit, (row) => (row[a] ?? 0) * (row[b] ?? 0)) + (a === b ? ridge : 0)),
  );
  const wanted = eachOf(columns, (column) =>
    unit.reduce((total, row, index) => total + (row[column] ?? 0) * (targets[index] ?? 0), 0),
  );
  const factors = new Array<number>(columns).fill(0);
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    for (let column = 0; column < columns; column += 1) {
      const own = gram[column] ?? [];
      const others = factors.reduce((total, factor, at) => total + (at === column ? 0 : factor * (own[at] ?? 0)), 0);
      factors[column] = Math.max(floor, ((wanted[column] ?? 0) - others) / (own[column] ?? 1));
    }
  }
  return factors.map((factor, column) => factor / (norms[column] ?? 1));
}

function eachOf<T>(count: number, of: (column: number) => T): T[] {
  return Array.from({ length: count }, (_, column) => of(column));
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
