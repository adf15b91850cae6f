import { z } from 'zod';

export interface TreeSettings {
  readonly trees: number;
  readonly depth: number;
  readonly learningRate: number;
  /** Fewer rows than this make no leaf of their own. */
  readonly leastRows: number;
  /** Pulls leaves of few rows towards zero: as if so many rows more said nothing. */
  readonly ridge: number;
}

export const defaultTrees: TreeSettings = { trees: 100, depth: 4, learningRate: 0.1, leastRows: 4, ridge: 2 };

/** Complete binary trees: node n has the children 2n + 1 (not above the threshold) and 2n + 2; column -1 is a leaf. */
const treeSchema = z.object({
  column: z.array(z.number().int()),
  threshold: z.array(z.number()),
  value: z.array(z.number()),
});
export const treesSchema = z.array(treeSchema);
type Tree = z.infer<typeof treeSchema>;
export type Trees = z.infer<typeof treesSchema>;

/** Gradient boosting of small regression trees on squared error; every split that separates two rows is looked at. */
export function growTrees(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  settings: TreeSettings = defaultTrees,
): Trees {
  const columns = Array.from({ length: rows[0]?.length ?? 0 }, (_, column) =>
    Float64Array.from(rows, (row) => row[column] ?? 0),
  );
  const orders = columns.map((values) =>
    Uint32Array.from(rows.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0)),
  );
  const grower = new TreeGrower(columns, Float64Array.from(targets), settings);
  return Array.from({ length: settings.trees }, () => grower.grow(orders));
}

export function applyTrees(trees: Trees, row: readonly number[]): number {
  return trees.reduce((sum, { column, threshold, value }) => {
    let at = 0;
    for (let by = column[at] ?? -1; by >= 0; by = column[at] ?? -1)
      at = 2 * at + ((row[by] ?? 0) <= (threshold[at] ?? 0) ? 1 : 2);
    return sum + (value[at] ?? 0);
  }, 0);
}

/** Rows of a node, sorted by each column. */
type Orders = readonly Uint32Array[];

interface Split {
  readonly column: number;
  readonly threshold: number;
}

class TreeGrower {
  readonly #goesLeft: Uint8Array;

  /** @param residuals what is left to explain: each tree takes its part away */
  constructor(
    private readonly columns: readonly Float64Array[],
    private readonly residuals: Float64Array,
    private readonly settings: TreeSettings,
  ) {
    this.#goesLeft = new Uint8Array(residuals.length);
  }

  grow(orders: Orders): Tree {
    const size = 2 ** (this.settings.depth + 1) - 1;
    const tree: Tree = {
      column: new Array<number>(size).fill(-1),
      threshold: new Array<number>(size).fill(0),
      value: new Array<number>(size).fill(0),
    };
    this.#growNode(tree, 0, this.settings.depth, orders);
    return tree;
  }

  #growNode(tree: Tree, node: number, depth: number, orders: Orders): void {
    const own = orders[0] ?? new Uint32Array();
    let sum = 0;
    for (const row of own) sum += this.residuals[row] ?? 0;
    const split = depth === 0 ? null : this.#bestSplit(orders, sum);
    if (split === null) {
      const value = (this.settings.learningRate * sum) / (own.length + this.settings.ridge);
      tree.value[node] = value;
      for (const row of own) this.residuals[row] = (this.residuals[row] ?? 0) - value;
      return;
    }
    tree.column[node] = split.column;
    tree.threshold[node] = split.threshold;
    const values = this.columns[split.column];
    for (const row of own) this.#goesLeft[row] = (values?.[row] ?? 0) <= split.threshold ? 1 : 0;
    const left = orders.map((order) => this.#sideOf(order, 1));
    const right = orders.map((order) => this.#sideOf(order, 0));
    this.#growNode(tree, 2 * node + 1, depth - 1, left);
    this.#growNode(tree, 2 * node + 2, depth - 1, right);
  }

  #sideOf(order: Uint32Array, side: number): Uint32Array {
    const rows = new Uint32Array(order.length);
    let count = 0;
    for (let at = 0; at < order.length; at += 1) {
      const row = order[at] ?? 0;
      if (this.#goesLeft[row] !== side) continue;
      rows[count] = row;
      count += 1;
    }
    return rows.subarray(0, count);
  }

  // Plain loops: this is where the time goes.
  #bestSplit(orders: Orders, sum: number): Split | null {
    const { leastRows, ridge } = this.settings;
    const count = orders[0]?.length ?? 0;
    let best: Split | null = null;
    let bestScore = sum ** 2 / (count + ridge) + 1e-9;
    for (let column = 0; column < orders.length; column += 1) {
      const order = orders[column];
      const values = this.columns[column];
      if (order === undefined || values === undefined) continue;
      let left = 0;
      let before = 0;
      for (let at = 0; at < count; at += 1) {
        const row = order[at] ?? 0;
        const value = values[row] ?? 0;
        if (at >= leastRows && count - at >= leastRows && value > before) {
          const score = left ** 2 / (at + ridge) + (sum - left) ** 2 / (count - at + ridge);
          if (score > bestScore) {
            bestScore = score;
            best = { column, threshold: (before + value) / 2 };
          }
        }
        left += this.residuals[row] ?? 0;
        before = value;
      }
    }
    return best;
  }
}
