/** Share of a newly seen error that is learned. */
const learningRate = 0.3;
const mostError = 1.4;
/** Near idle, watts above idle are a small difference of large numbers. */
const leastTellingLoad = 0.3;
/** Measurements at two points belong together when they were taken within this time, ms. */
const sameLoadWithinMs = 20_000;

/**
 * How far the model is off at each operating point relative to the others (measured / predicted watts above idle), learned
 * slowly from changes of the point under a load that stays the same.
 */
export class ModelError {
  private readonly factors = new Map<number, number>();
  private before: { readonly point: number; readonly load: number; readonly atMs: number } | null = null;

  /** 1 where nothing was learned. */
  at(point: number): number {
    return this.factors.get(point) ?? 1;
  }

  /**
   * A settled measurement: `load` is watts above idle over those that the model says, errors learned so far included.
   * @returns by how much the model says more for this point from now on
   */
  observe(point: number, load: number, nowMs: number): number {
    const { before } = this;
    this.before = { point, load, atMs: nowMs };
    if (before === null || before.point === point || nowMs - before.atMs > sameLoadWithinMs) return 1;
    if (!(before.load > leastTellingLoad) || !(load > leastTellingLoad)) return 1;
    const seen = load / before.load;
    // A larger difference is another load, not a wrong model.
    if (seen > mostError || seen < 1 / mostError) return 1;
    const known = this.at(point);
    const factor = Math.min(mostError, Math.max(1 / mostError, known * seen ** learningRate));
    this.factors.set(point, factor);
    return factor / known;
  }

  forgetLast(): void {
    this.before = null;
  }
}
