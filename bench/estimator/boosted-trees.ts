import type { Regression, Table } from './tabular';

const settings = { trees: 300, depth: 6, learningRate: 0.08, bins: 64, leastRows: 20, ridge: 1 } as const;

/** Complete binary tree: node n has the children 2n + 1 and 2n + 2. */
interface Tree {
  readonly column: Int32Array;
  /** Rows whose bin is at most this go left. */
  readonly bin: Uint8Array;
  readonly value: Float64Array;
}

/** Gradient boosting of regression trees on squared error with histograms of binned columns, level by level. */
export function fitTrees(table: Table): Regression {
  const { rows, columns, targets } = table;
  const edges = binEdges(table);
  const binned = binning(table, edges);
  const mean = targets.reduce((sum, value) => sum + value, 0) / rows;
  const residual = Float64Array.from(targets, (value) => value - mean);
  const trees: Tree[] = [];
  const node = new Int32Array(rows);
  for (let index = 0; index < settings.trees; index += 1) {
    const tree = growTree(binned, columns, residual, node);
    trees.push(tree);
    for (let row = 0; row < rows; row += 1) residual[row] = (residual[row] ?? 0) - (tree.value[node[row] ?? 0] ?? 0);
  }
  return {
    predict: (test) => {
      const testBins = binning(test, edges);
      return Float32Array.from({ length: test.rows }, (_, row) =>
        trees.reduce((sum, tree) => sum + (tree.value[leafOf(tree, testBins, row, columns)] ?? 0), mean),
      );
    },
  };
}

/** Grows one tree to the residuals and leaves in `node` the leaf of each row. */
function growTree(binned: Uint8Array, columns: number, residual: Float64Array, node: Int32Array): Tree {
  const size = 2 ** (settings.depth + 1) - 1;
  const tree: Tree = {
    column: new Int32Array(size).fill(-1),
    bin: new Uint8Array(size),
    value: new Float64Array(size),
  };
  node.fill(0);
  const sums = new Float64Array(size);
  const counts = new Int32Array(size);
  for (let depth = 0; depth < settings.depth; depth += 1) {
    const firstNode = 2 ** depth - 1;
    const nodes = 2 ** depth;
    const sumOf = new Float64Array(nodes * columns * settings.bins);
    const countOf = new Int32Array(nodes * columns * settings.bins);
    for (let row = 0; row < node.length; row += 1) {
      const own = (node[row] ?? 0) - firstNode;
      if (own < 0) continue;
      const value = residual[row] ?? 0;
      for (let column = 0; column < columns; column += 1) {
        const cell = (own * columns + column) * settings.bins + (binned[row * columns + column] ?? 0);
        sumOf[cell] = (sumOf[cell] ?? 0) + value;
        countOf[cell] = (countOf[cell] ?? 0) + 1;
      }
    }
    for (let own = 0; own < nodes; own += 1) {
      const split = bestSplit(sumOf, countOf, own, columns);
      if (split === null) continue;
      tree.column[firstNode + own] = split.column;
      tree.bin[firstNode + own] = split.bin;
    }
    for (let row = 0; row < node.length; row += 1) {
      const at = node[row] ?? 0;
      const column = at >= firstNode ? (tree.column[at] ?? -1) : -1;
      if (column < 0) continue;
      node[row] = 2 * at + ((binned[row * columns + column] ?? 0) <= (tree.bin[at] ?? 0) ? 1 : 2);
    }
  }
  for (let row = 0; row < node.length; row += 1) {
    const at = node[row] ?? 0;
    sums[at] = (sums[at] ?? 0) + (residual[row] ?? 0);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  for (let at = 0; at < size; at += 1) {
    tree.value[at] = (settings.learningRate * (sums[at] ?? 0)) / ((counts[at] ?? 0) + settings.ridge);
  }
  return tree;
}

function bestSplit(
  sumOf: Float64Array,
  countOf: Int32Array,
  own: number,
  columns: number,
): { column: number; bin: number } | null {
  let best: { column: number; bin: number } | null = null;
  let bestGain = 1e-9;
  for (let column = 0; column < columns; column += 1) {
    const first = (own * columns + column) * settings.bins;
    let sum = 0;
    let count = 0;
    for (let bin = 0; bin < settings.bins; bin += 1) {
      sum += sumOf[first + bin] ?? 0;
      count += countOf[first + bin] ?? 0;
    }
    let left = 0;
    let leftCount = 0;
    for (let bin = 0; bin < settings.bins - 1; bin += 1) {
      left += sumOf[first + bin] ?? 0;
      leftCount += countOf[first + bin] ?? 0;
      const rightCount = count - leftCount;
      if (leftCount < settings.leastRows || rightCount < settings.leastRows) continue;
      const gain =
        left ** 2 / (leftCount + settings.ridge) +
        (sum - left) ** 2 / (rightCount + settings.ridge) -
        sum ** 2 / (count + settings.ridge);
      if (gain > bestGain) {
        bestGain = gain;
        best = { column, bin };
      }
    }
  }
  return best;
}

function leafOf(tree: Tree, binned: Uint8Array, row: number, columns: number): number {
  let at = 0;
  for (;;) {
    const column = tree.column[at] ?? -1;
    if (column < 0) return at;
    at = 2 * at + ((binned[row * columns + column] ?? 0) <= (tree.bin[at] ?? 0) ? 1 : 2);
  }
}

/** Upper ends of the bins of each column: quantiles. */
function binEdges({ rows, columns, values }: Table): Float32Array[] {
  return Array.from({ length: columns }, (_, column) => {
    const sorted = Float32Array.from({ length: rows }, (_unused, row) => values[row * columns + column] ?? 0).sort();
    return Float32Array.from(
      { length: settings.bins - 1 },
      (_unused, bin) => sorted[Math.floor(((bin + 1) * rows) / settings.bins)] ?? 0,
    );
  });
}

function binning({ rows, columns, values }: Table, edges: readonly Float32Array[]): Uint8Array {
  const binned = new Uint8Array(rows * columns);
  for (let column = 0; column < columns; column += 1) {
    const own = edges[column] ?? new Float32Array(0);
    for (let row = 0; row < rows; row += 1) {
      const value = values[row * columns + column] ?? 0;
      let low = 0;
      let high = own.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (value > (own[middle] ?? 0)) low = middle + 1;
        else high = middle;
      }
      binned[row * columns + column] = low;
    }
  }
  return binned;
}
