/** What an hour's departure leaves to the next where nothing was learned, and how many hours of evidence that is worth. */
const usualPersistence = 0.98;
const priorHours = 12;

/**
 * How a departure from the profile goes on: an autoregression over the last three hours, fitted by least squares to the
 * departures seen and drawn towards `e(t+1) = 0.98 e(t)` (ridge with that prior mean).
 */
export class DepartureModel {
  // Normal equations: the products of the three lags with each other and with what followed.
  #a00 = 0;
  #a01 = 0;
  #a02 = 0;
  #a11 = 0;
  #a12 = 0;
  #a22 = 0;
  #b0 = 0;
  #b1 = 0;
  #b2 = 0;
  #squares = 0;
  #count = 0;

  /** @param e1 departure an hour before `e`, and so on */
  learn(e: number, e1: number, e2: number, e3: number): void {
    this.#a00 += e1 * e1;
    this.#a01 += e1 * e2;
    this.#a02 += e1 * e3;
    this.#a11 += e2 * e2;
    this.#a12 += e2 * e3;
    this.#a22 += e3 * e3;
    this.#b0 += e * e1;
    this.#b1 += e * e2;
    this.#b2 += e * e3;
    this.#squares += e * e;
    this.#count += 1;
  }

  coefficients(): readonly [number, number, number] {
    const prior = this.#count === 0 ? 0 : (priorHours * this.#squares) / this.#count;
    if (prior === 0) return [usualPersistence, 0, 0];
    const a = this.#a00 + prior;
    const d = this.#a11 + prior;
    const f = this.#a22 + prior;
    const b = this.#a01;
    const c = this.#a02;
    const e = this.#a12;
    const y0 = this.#b0 + prior * usualPersistence;
    // Cramer's rule; the matrix is symmetric and, thanks to the prior, positive definite.
    const minor0 = d * f - e * e;
    const minor1 = b * f - c * e;
    const minor2 = b * e - c * d;
    const determinant = a * minor0 - b * minor1 + c * minor2;
    // Of departures too small to be squared nothing can be learned.
    if (!(determinant > Number.MIN_VALUE * 1e16)) return [usualPersistence, 0, 0];
    return [
      (y0 * minor0 - this.#b1 * minor1 + this.#b2 * minor2) / determinant,
      (-y0 * minor1 + this.#b1 * (a * f - c * c) - this.#b2 * (a * e - b * c)) / determinant,
      (y0 * minor2 - this.#b1 * (a * e - b * c) + this.#b2 * (a * d - b * b)) / determinant,
    ];
  }
}
