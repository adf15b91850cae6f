import type { Component, OperatingPoint } from '../../signals/device';
import type { Candidate } from '../estimator/estimator';

/**
 * The group of each component: components of one group are interchangeable (same class, same power), so mappings that differ
 * only by exchanging them cost the same and one of them is enough.
 */
export function interchangeableGroups(components: readonly Component[], point: OperatingPoint): number[] {
  const groups = new Map<string, number>();
  return components.map((component) => {
    const key = JSON.stringify([
      component.kind,
      component.componentClass,
      component.threads,
      point.activeW[component.name],
    ]);
    const group = groups.get(key) ?? groups.size;
    groups.set(key, group);
    return group;
  });
}

/**
 * Every mapping of genes to the components that each may take, one representative of each set of interchangeable ones: of the
 * components of a group that are still empty, only the first may be filled next. (Interchangeable components are all offered to a
 * gene, or none.)
 */
export function* distinctMappings(
  choices: readonly (readonly number[])[],
  groups: readonly number[],
): Generator<number[]> {
  const mapping = new Array<number>(choices.length).fill(0);
  const used = new Array<number>(groups.length).fill(0);
  function* place(gene: number): Generator<number[]> {
    if (gene === choices.length) {
      yield [...mapping];
      return;
    }
    const openedGroups = new Set<number>();
    for (const at of choices[gene] ?? []) {
      const group = groups[at] ?? -1;
      if (used[at] === 0) {
        if (openedGroups.has(group)) continue;
        openedGroups.add(group);
      }
      mapping[gene] = at;
      used[at] = (used[at] ?? 0) + 1;
      yield* place(gene + 1);
      used[at] = (used[at] ?? 0) - 1;
    }
  }
  yield* place(0);
}

/** Renames interchangeable components so that as few tenants as possible leave the component they are on (greedy). */
export function alignTo(candidate: Candidate, inForce: Candidate, groups: readonly number[]): Candidate {
  const overlap = new Map<string, { from: number; to: number; count: number }>();
  candidate.forEach((stages, item) =>
    stages.forEach((from, stage) => {
      const to = inForce[item]?.[stage];
      if (to === undefined || groups[from] !== groups[to]) return;
      const entry = overlap.get(`${from} ${to}`) ?? { from, to, count: 0 };
      entry.count += 1;
      overlap.set(`${from} ${to}`, entry);
    }),
  );
  const renamed = new Map<number, number>();
  const taken = new Set<number>();
  const assign = (from: number, to: number): void => {
    renamed.set(from, to);
    taken.add(to);
  };
  for (const { from, to } of [...overlap.values()].sort((a, b) => b.count - a.count)) {
    if (!renamed.has(from) && !taken.has(to)) assign(from, to);
  }
  for (let from = 0; from < groups.length; from += 1) {
    if (renamed.has(from)) continue;
    const to = !taken.has(from) ? from : groups.findIndex((group, at) => group === groups[from] && !taken.has(at));
    assign(from, to < 0 ? from : to);
  }
  return candidate.map((stages) => stages.map((from) => renamed.get(from) ?? from));
}
