import type { Genes, SearchSpace } from './space';

/** Draws a whole number from 0 to below the given one. */
export type Draw = (below: number) => number;

/** One stage, or one whole tenant, elsewhere. */
export function moves(space: SearchSpace, genes: Genes): Genes[] {
  const neighbours: Genes[] = [];
  space.choices.forEach((choices, gene) => {
    for (const at of choices) if (at !== genes[gene]) neighbours.push(space.withStage(genes, gene, at));
  });
  space.wholeChoices.forEach((choices, tenant) => {
    // For a single stage that is the same.
    if (space.stagesOf(tenant) > 1) for (const at of choices) neighbours.push(space.withWhole(genes, tenant, at));
  });
  return neighbours;
}

/** Two stages, of any tenants, in each other's places. */
export function exchanges(space: SearchSpace, genes: Genes): Genes[] {
  const neighbours: Genes[] = [];
  for (let one = 0; one < space.genes; one += 1) {
    for (let other = one + 1; other < space.genes; other += 1) {
      const exchanged = space.withExchanged(genes, one, other);
      if (exchanged !== null) neighbours.push(exchanged);
    }
  }
  return neighbours;
}

const wholeShare = 0.2;
const exchangeShare = 0.3;

/** A random step from a mapping: a stage elsewhere, a whole tenant elsewhere, or two stages exchanged. */
export function randomStep(space: SearchSpace, genes: Genes, draw: Draw): Genes {
  const kind = draw(100) / 100;
  if (kind < exchangeShare && space.genes > 1) {
    const one = draw(space.genes);
    const exchanged = space.withExchanged(genes, one, (one + 1 + draw(space.genes - 1)) % space.genes);
    if (exchanged !== null) return exchanged;
  }
  if (kind < exchangeShare + wholeShare) {
    const tenant = draw(space.tenants);
    const choices = space.wholeChoices[tenant] ?? [];
    if (choices.length > 0) return space.withWhole(genes, tenant, choices[draw(choices.length)] ?? 0);
  }
  const gene = draw(space.genes);
  const others = (space.choices[gene] ?? []).filter((at) => at !== genes[gene]);
  return others.length === 0 ? genes : space.withStage(genes, gene, others[draw(others.length)] ?? 0);
}

const stray = 15;

/** Anything at all: every stage somewhere, or every tenant whole somewhere but for some stages. */
export function randomGenes(space: SearchSpace, draw: Draw): Genes {
  const anywhere = space.choices.map((choices) => choices[draw(choices.length)] ?? 0);
  if (draw(2) === 0) return anywhere;
  let genes: Genes = anywhere;
  space.wholeChoices.forEach((choices, tenant) => {
    if (choices.length > 0) genes = space.withWhole(genes, tenant, choices[draw(choices.length)] ?? 0);
  });
  return genes.map((at, gene) => (draw(100) < stray ? (anywhere[gene] ?? at) : at));
}

/** In place, in random order. */
export function shuffle<T>(items: T[], draw: Draw): T[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = draw(last + 1);
    const [a, b] = [items[last], items[other]];
    if (a === undefined || b === undefined) continue;
    items[last] = b;
    items[other] = a;
  }
  return items;
}
