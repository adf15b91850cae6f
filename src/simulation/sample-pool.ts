import { Random } from './random';
import { sampleGenerators, type DemonstrationSample, type FamilyName } from './samples';

/**
 * A fixed number of generated samples per family, drawn from again and again. Generating one takes about a millisecond, so
 * the pool is filled one at a time and drawing from it costs nothing: live traffic must not weigh on the event loop.
 */
export class SamplePool {
  private readonly samples = new Map<FamilyName, DemonstrationSample[]>();
  private readonly random: Random;

  constructor(
    private readonly families: readonly FamilyName[],
    private readonly size: number,
    seed: number,
  ) {
    this.random = new Random(seed);
  }

  /** Generates one more sample for each family that is not full; true while more are wanted. */
  grow(): boolean {
    let wanting = false;
    for (const family of this.families) {
      const known = this.of(family);
      if (known.length < this.size) known.push(sampleGenerators[family](this.random));
      wanting ||= known.length < this.size;
    }
    return wanting;
  }

  /** A sample of the family; generates one when the pool is still empty. */
  draw(family: FamilyName): DemonstrationSample {
    const known = this.of(family);
    if (known.length === 0) known.push(sampleGenerators[family](this.random));
    return this.random.pick(known);
  }

  private of(family: FamilyName): DemonstrationSample[] {
    const known = this.samples.get(family) ?? [];
    this.samples.set(family, known);
    return known;
  }
}
