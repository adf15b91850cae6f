import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Component } from '../signals/device';
import { EcomapError } from '../signals/errors';
import { parseAtTheDoor } from '../signals/parse';
import type { Detection } from './detect';

const mostCoresPerComponent = 4;

const componentOf = (name: string, cores: readonly number[], threads: number): Component => ({
  name,
  kind: 'cpu',
  cores: [...cores],
  threads,
  componentClass: `cpu-${threads}t`,
});

/** 0 -> a, 25 -> z, 26 -> aa. */
function letters(index: number): string {
  const last = String.fromCharCode(97 + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}

/**
 * How the cores become components, always the same for the same cores: one component `cpu0` on a single core; one component
 * per core (`cpu0`, `cpu1`, ...) for two to four; beyond that groups `cpu-a`, `cpu-b`, ... of at most four neighbouring
 * cores, as even as possible and at least two. Several small components beat one wide one: networks of this size
 * scale badly over threads, and tenants do not wait for each other.
 */
export function componentsFor(cores: readonly number[], canPin: boolean): Component[] {
  const pinned = (group: readonly number[]): readonly number[] => (canPin ? group : []);
  if (cores.length <= mostCoresPerComponent)
    return cores.map((core, index) => componentOf(`cpu${index}`, pinned([core]), 1));
  const groups = Math.max(2, Math.ceil(cores.length / mostCoresPerComponent));
  return Array.from({ length: groups }, (_, index) => {
    const group = cores.slice(
      Math.round((index * cores.length) / groups),
      Math.round(((index + 1) * cores.length) / groups),
    );
    return componentOf(`cpu-${letters(index)}`, pinned(group), group.length);
  });
}

const overridesSchema = z
  .array(
    z.object({
      name: z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'use letters, digits, - and _ (at most 40)'),
      cores: z.array(z.number().int().nonnegative()).default([]),
      threads: z.number().int().min(1).max(256).optional(),
    }),
  )
  .min(1);

/**
 * Components as the user listed them: `[{name, cores, threads}]`; threads default to the number of cores.
 * @throws EcomapError INVALID_CONFIG for a wrong shape, a name used twice, or a core that this process may not use.
 */
export function componentsByHand(list: unknown, detection: Detection): Component[] {
  const overrides = parseAtTheDoor(overridesSchema, list, 'INVALID_CONFIG', 'the list of components');
  const names = new Set<string>();
  for (const { name, cores } of overrides) {
    if (names.has(name)) throw new EcomapError('INVALID_CONFIG', `two components are called "${name}": rename one`);
    names.add(name);
    const foreign = cores.filter((core) => !detection.cores.includes(core));
    if (foreign.length > 0) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `component "${name}" wants core ${foreign.join(', ')}, but this process may only use ${detection.cores.join(', ')}`,
      );
    }
  }
  return overrides.map(({ name, cores, threads }) =>
    componentOf(name, detection.canPin ? cores : [], threads ?? Math.max(1, cores.length)),
  );
}

/** Same processor and same component classes give the same fingerprint, whatever the host is called. */
export function fingerprintOf(detection: Detection, components: readonly Component[]): string {
  const classes = components.map(({ componentClass, threads }) => `${componentClass}:${threads}`).sort();
  const traits = [detection.arch, detection.cpuModel, ...new Set(classes)];
  return createHash('sha256').update(traits.join('\n')).digest('hex').slice(0, 16);
}
