/** What is given up and what is drawn, of anything that can be run. */
export interface Costed<T> {
  readonly item: T;
  readonly loss: number;
  readonly powerW: number;
}

/** What a plan of a frontier truly draws, W. */
export type DrawnW<T> = (vertex: Costed<T>) => number;

/**
 * The lower convex hull of power over accuracy loss: what some price of accuracy makes the best, in ascending order of loss and
 * descending order of power. Running two neighbours in turns reaches every point between them, and nothing reaches below.
 */
export class Frontier<T> {
  readonly vertices: readonly Costed<T>[];

  /** @throws RangeError for no items */
  constructor(items: readonly Costed<T>[]) {
    const sorted = [...items].sort((a, b) => a.loss - b.loss || a.powerW - b.powerW);
    const hull: Costed<T>[] = [];
    for (const item of sorted) {
      const last = hull.at(-1);
      if (last !== undefined && item.powerW >= last.powerW) continue;
      if (last !== undefined && item.loss <= last.loss + 1e-12) continue;
      for (;;) {
        const [before, middle] = [hull.at(-2), hull.at(-1)];
        if (before === undefined || middle === undefined) break;
        const gentle = slope(before, middle);
        if (gentle > slope(before, item)) break;
        hull.pop();
      }
      hull.push(item);
    }
    if (hull.length === 0) throw new RangeError('a frontier needs at least one item');
    this.vertices = hull;
  }

  /** The best where a unit of accuracy costs so many watts. */
  at(priceW: number): Costed<T> {
    let best = this.vertices[0] as Costed<T>;
    for (const vertex of this.vertices) {
      if (vertex === best) continue;
      if (slope(best, vertex) <= priceW) break;
      best = vertex;
    }
    return best;
  }

  /** Watts that a unit of accuracy costs where so much is lost in the mean; 0 beyond the last plan. */
  slopeAt(loss: number): number {
    const next = this.vertices.findIndex((vertex) => vertex.loss >= loss);
    const [from, to] = [this.vertices[Math.max(1, next) - 1], this.vertices[Math.max(1, next)]];
    return next < 0 || from === undefined || to === undefined ? 0 : slope(from, to);
  }

  /** Those that some price within these bounds makes the best. */
  between(leastW: number, mostW: number): Costed<T>[] {
    return this.vertices.filter((vertex, index) => {
      const [before, after] = [this.vertices[index - 1], this.vertices[index + 1]];
      const upTo = before === undefined ? Infinity : slope(before, vertex);
      const from = after === undefined ? 0 : slope(vertex, after);
      return upTo >= leastW && from <= mostW;
    });
  }

  /**
   * What a mean loss takes at least, running two neighbours in turns.
   * @param drawnW what counts, where the frontier was made by something else than power
   */
  powerAt(loss: number, drawnW: DrawnW<T> = ({ powerW }) => powerW): number {
    let before = this.vertices[0] as Costed<T>;
    if (loss <= before.loss) return drawnW(before);
    for (const vertex of this.vertices) {
      if (vertex.loss >= loss) {
        const share = vertex.loss > before.loss ? (loss - before.loss) / (vertex.loss - before.loss) : 0;
        return drawnW(before) + share * (drawnW(vertex) - drawnW(before));
      }
      before = vertex;
    }
    return drawnW(before);
  }
}

/** Watts saved per unit of accuracy given up on the way from one to the other. */
const slope = <T>(from: Costed<T>, to: Costed<T>): number => (from.powerW - to.powerW) / (to.loss - from.loss);

export interface Step {
  readonly intensityGPerKwh: number;
  readonly durationS: number;
}

/** What was given up and emitted over a time. */
export interface Outcome {
  readonly loss: number;
  readonly carbonG: number;
  readonly energyJ: number;
}

/**
 * The least grams for a mean loss over these steps, everything known in advance: accuracy is given up where a point of it saves
 * most grams, in parts of a step if need be. No policy on this frontier can do better.
 */
export function leastCarbon<T>(
  { vertices }: Frontier<T>,
  steps: readonly Step[],
  meanLoss: number,
  drawnW: DrawnW<T> = ({ powerW }) => powerW,
): Outcome {
  const first = vertices[0] as Costed<T>;
  const totalS = steps.reduce((sum, { durationS }) => sum + durationS, 0);
  let energyJ = drawnW(first) * totalS;
  let carbonG = steps.reduce((sum, step) => sum + grams(drawnW(first), step), 0);
  let budget = Math.max(0, meanLoss - first.loss) * totalS;
  const offers = steps.flatMap((step) =>
    vertices.slice(1).map((vertex, index) => {
      const from = vertices[index] as Costed<T>;
      const lossS = (vertex.loss - from.loss) * step.durationS;
      const savedW = drawnW(from) - drawnW(vertex);
      const worth = grams(from.powerW - vertex.powerW, step) / lossS;
      return { lossS, savedG: grams(savedW, step), savedJ: savedW * step.durationS, worth };
    }),
  );
  offers.sort((a, b) => b.worth - a.worth);
  let used = 0;
  for (const { lossS, savedG, savedJ } of offers) {
    const share = Math.min(1, budget / lossS);
    if (share <= 0) break;
    carbonG -= share * savedG;
    energyJ -= share * savedJ;
    budget -= share * lossS;
    used += share * lossS;
  }
  return { loss: first.loss + used / totalS, carbonG, energyJ };
}

const grams = (powerW: number, { intensityGPerKwh, durationS }: Step): number =>
  (powerW * durationS * intensityGPerKwh) / 3_600_000;
