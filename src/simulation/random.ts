/**
 * A small seeded random number generator (sfc32: 128 bits of state, passes PractRand), so that everything simulated can be
 * repeated from one number. Not for cryptography.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;
  private spareNormal: number | undefined;

  /** Any number is a seed; the same seed gives the same sequence on every machine. */
  constructor(seed: number) {
    // Both halves of the number count, so that seeds above 2^32 and seeds such as Date.now() differ where they should.
    this.a = seed >>> 0;
    this.b = Math.floor(seed / 0x100000000) >>> 0;
    this.c = 0x9e3779b9;
    // Neighbouring seeds start close together; the generator needs a few rounds to drive them apart.
    for (let round = 0; round < 16; round += 1) this.next32();
  }

  /** A number in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.next32() / 0x100000000);
  }

  /** A Gaussian number (Marsaglia's polar method, which makes two at a time). */
  normal(mean = 0, standardDeviation = 1): number {
    if (this.spareNormal !== undefined) {
      const spare = this.spareNormal;
      this.spareNormal = undefined;
      return mean + standardDeviation * spare;
    }
    for (;;) {
      const x = this.next32() / 0x80000000 - 1;
      const y = this.next32() / 0x80000000 - 1;
      const square = x * x + y * y;
      if (square > 0 && square < 1) {
        const factor = Math.sqrt((-2 * Math.log(square)) / square);
        this.spareNormal = y * factor;
        return mean + standardDeviation * x * factor;
      }
    }
  }

  /**
   * A nearly Gaussian number (mean 0, standard deviation 1, never beyond 3.5): the sum of the four bytes of one draw. A
   * quarter of the cost of `normal`, for the noise of ten thousand pixels.
   */
  grain(): number {
    const bits = this.next32();
    return ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) / 147.8;
  }

  /** A whole number from low to high, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  /** One element of a list that is not empty. */
  pick<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    const item = items[this.integer(0, items.length - 1)];
    if (item === undefined) throw new RangeError('Random.pick needs a list that is not empty');
    return item;
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** A waiting time with this mean: the gaps between the arrivals of a Poisson process. */
  exponential(mean = 1): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /** An independent generator, so that one consumer's draws do not shift another's. */
  fork(): Random {
    return new Random(this.next32() * 0x200000 + (this.next32() >>> 11));
  }

  private next32(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    this.c |= 0;
    return sum >>> 0;
  }
}
