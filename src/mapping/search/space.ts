import type { Candidate, EstimationContext } from '../estimator/estimator';

/** A mapping as the search moves through it: the component index of every stage of every tenant, one after the other. */
export type Genes = readonly number[];

/**
 * All mappings of the stages of some tenants to components. A stage is only offered components on which it, or its whole variant,
 * was measured; one that was measured nowhere is offered all of them.
 */
export class SearchSpace {
  /** Components that each gene may take. */
  readonly choices: readonly (readonly number[])[];
  /** Components that can take every stage of a tenant, by tenant. */
  readonly wholeChoices: readonly (readonly number[])[];
  /** First gene of each tenant, and the number of genes. */
  readonly firstGene: readonly number[];
  /** Mappings in it, symmetric ones included; at most the largest integer that is exact. */
  readonly size: number;

  /**
   * @param groups of interchangeable components, from `interchangeableGroups`
   * @throws RangeError without any component
   */
  constructor(
    { components, work }: EstimationContext,
    private readonly groups: readonly number[],
  ) {
    if (components.length === 0) throw new RangeError('a mapping needs at least one component');
    const every = components.map((_, at) => at);
    const firstGene = [0];
    const choices: (readonly number[])[] = [];
    this.wholeChoices = work.map(({ costs, whole }) => {
      const uncut = every.filter((at) =>
        whole === undefined ? costs.every((stage) => (stage[at] ?? null) !== null) : (whole.costs[at] ?? null) !== null,
      );
      for (const stage of costs) {
        const measured = every.filter((at) => (stage[at] ?? null) !== null || uncut.includes(at));
        choices.push(measured.length > 0 ? measured : every);
      }
      firstGene.push(choices.length);
      return uncut;
    });
    this.choices = choices;
    this.firstGene = firstGene;
    this.size = Math.min(
      Number.MAX_SAFE_INTEGER,
      choices.reduce((product, { length }) => product * length, 1),
    );
  }

  get genes(): number {
    return this.choices.length;
  }

  get tenants(): number {
    return this.wholeChoices.length;
  }

  /** Null where the candidate has other tenants, other stages or other components than this space. */
  genesOf(candidate: Candidate): Genes | null {
    if (candidate.length !== this.tenants) return null;
    const fits = candidate.every(
      (stages, tenant) =>
        stages.length === this.stagesOf(tenant) && stages.every((at) => at >= 0 && at < this.groups.length),
    );
    return fits ? candidate.flat() : null;
  }

  candidateOf(genes: Genes): Candidate {
    return this.wholeChoices.map((_, tenant) => genes.slice(this.firstGene[tenant], this.firstGene[tenant + 1]));
  }

  stagesOf(tenant: number): number {
    return (this.firstGene[tenant + 1] ?? 0) - (this.firstGene[tenant] ?? 0);
  }

  /** Equal for mappings that differ only by exchanging interchangeable components: those are renamed in order of first use. */
  keyOf(genes: Genes): string {
    const renamed = new Array<number>(this.groups.length).fill(-1);
    const used = new Array<number>(this.groups.length).fill(0);
    let key = '';
    for (const at of genes) {
      let name = renamed[at] ?? -1;
      if (name < 0) {
        const group = this.groups[at] ?? 0;
        const place = used[group] ?? 0;
        used[group] = place + 1;
        name = place * this.groups.length + group;
        renamed[at] = name;
      }
      key += String.fromCharCode(name);
    }
    return key;
  }

  /** The same mapping with the whole tenant on one component. */
  withWhole(genes: Genes, tenant: number, at: number): Genes {
    return genes.map((kept, gene) =>
      gene >= (this.firstGene[tenant] ?? 0) && gene < (this.firstGene[tenant + 1] ?? 0) ? at : kept,
    );
  }

  /** The same mapping with one stage elsewhere. */
  withStage(genes: Genes, gene: number, at: number): Genes {
    return genes.map((kept, index) => (index === gene ? at : kept));
  }

  /** The same mapping with two stages in each other's places; null where they share one, or either does not run there. */
  withExchanged(genes: Genes, one: number, other: number): Genes | null {
    const [a, b] = [genes[one] ?? 0, genes[other] ?? 0];
    if (a === b || this.choices[one]?.includes(b) !== true || this.choices[other]?.includes(a) !== true) return null;
    const next = [...genes];
    next[one] = b;
    next[other] = a;
    return next;
  }
}
