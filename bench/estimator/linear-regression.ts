import type { Regression, Table } from './tabular';

const ridge = 1e-3;

/** Least squares with a constant on standardised columns, by Cholesky's decomposition of the normal equations. */
export function fitLinear(table: Table): Regression {
  const { rows, columns, values, targets } = table;
  const mean = new Float64Array(columns);
  const scale = new Float64Array(columns);
  for (let column = 0; column < columns; column += 1) {
    let sum = 0;
    let squares = 0;
    for (let row = 0; row < rows; row += 1) {
      const value = values[row * columns + column] ?? 0;
      sum += value;
      squares += value * value;
    }
    mean[column] = sum / rows;
    scale[column] = Math.sqrt(Math.max(0, squares / rows - (sum / rows) ** 2)) + 1e-3;
  }
  const size = columns + 1;
  const standard = (from: Float32Array, row: number): Float64Array =>
    Float64Array.from({ length: size }, (_, column) =>
      column === columns ? 1 : ((from[row * columns + column] ?? 0) - (mean[column] ?? 0)) / (scale[column] ?? 1),
    );
  const normal = new Float64Array(size * size);
  const right = new Float64Array(size);
  for (let row = 0; row < rows; row += 1) {
    const x = standard(values, row);
    for (let i = 0; i < size; i += 1) {
      right[i] = (right[i] ?? 0) + (x[i] ?? 0) * (targets[row] ?? 0);
      for (let j = 0; j <= i; j += 1) normal[i * size + j] = (normal[i * size + j] ?? 0) + (x[i] ?? 0) * (x[j] ?? 0);
    }
  }
  for (let i = 0; i < size; i += 1) normal[i * size + i] = (normal[i * size + i] ?? 0) + ridge * rows;
  const weights = solve(normal, right, size);
  return {
    predict: (test) =>
      Float32Array.from({ length: test.rows }, (_, row) =>
        standard(test.values, row).reduce((sum, value, index) => sum + value * (weights[index] ?? 0), 0),
      ),
  };
}

/** Solves a symmetric positive definite system, of which the lower half is given; `matrix` is overwritten. */
function solve(matrix: Float64Array, right: Float64Array, size: number): Float64Array {
  const at = (i: number, j: number): number => matrix[i * size + j] ?? 0;
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = at(i, j);
      for (let k = 0; k < j; k += 1) sum -= at(i, k) * at(j, k);
      matrix[i * size + j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
  }
  const y = right.slice();
  for (let i = 0; i < size; i += 1) {
    for (let k = 0; k < i; k += 1) y[i] = (y[i] ?? 0) - at(i, k) * (y[k] ?? 0);
    y[i] = (y[i] ?? 0) / at(i, i);
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < size; k += 1) y[i] = (y[i] ?? 0) - at(k, i) * (y[k] ?? 0);
    y[i] = (y[i] ?? 0) / at(i, i);
  }
  return y;
}
