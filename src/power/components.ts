import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Component } from '../signals/device';
import { EcomapError } from '../signals/errors';
import { parseAtTheDoor } from '../signals/parse';
import { tiersOf, type CoreCluster, type CoreTier } from './core-clusters';
import type { Detection } from './detect';

const mostCoresPerComponent = 4;

const componentOf = (name: string, cores: readonly number[], threads: number, tier?: CoreTier): Component => ({
  name,
  kind: 'cpu',
  cores: [...cores],
  threads,
  componentClass: tier === undefined ? `cpu-${threads}t` : `cpu-${tier}-${threads}t`,
});

/** Groups of at most four neighbouring cores, as even as possible. */
function evenGroups(cores: readonly number[], leastGroups: number): (readonly number[])[] {
  const groups = Math.max(leastGroups, Math.ceil(cores.length / mostCoresPerComponent));
  return Array.from({ length: groups }, (_, index) =>
    cores.slice(Math.round((index * cores.length) / groups), Math.round(((index + 1) * cores.length) / groups)),
  );
}

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
 * Where fast and slow cores are mixed each kind has components of its own, `cpu-big` and `cpu-little` (`cpu-big-a`, ... when there are
 * more than four of them): a network that is split over both waits for the slow ones.
 */
export function componentsFor(
  cores: readonly number[],
  canPin: boolean,
  clusters: readonly CoreCluster[] = [],
): Component[] {
  const pinned = (group: readonly number[]): readonly number[] => (canPin ? group : []);
  // Without pinning a host runs wherever the kernel likes: kinds of cores then mean nothing.
  const tiers = canPin ? tiersOf(clusters, cores) : [];
  if (tiers.length > 0) {
    return tiers.flatMap(({ tier, cores: own }) => {
      const groups = evenGroups(own, 1);
      return groups.map((group, index) =>
        componentOf(`cpu-${tier}${groups.length === 1 ? '' : `-${letters(index)}`}`, group, group.length, tier),
      );
    });
  }
  if (cores.length <= mostCoresPerComponent)
    return cores.map((core, index) => componentOf(`cpu${index}`, pinned([core]), 1));
  return evenGroups(cores, 2).map((group, index) => componentOf(`cpu-${letters(index)}`, pinned(group), group.length));
}

const overridesSchema = z
  .array(
    z.object({
      name: z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'use letters, digits, - and _ (at most 40)'),
      cores: z.array(z.number().int().nonnegative()).default([]),
      threads: z.number().int().min(1).max(256).optional(),
      kind: z.enum(['cpu', 'gpu', 'dla']).default('cpu'),
      provider: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,39}$/, 'write the name as ONNX Runtime knows it, e.g. cuda')
        .optional(),
      providerOptions: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    }),
  )
  .min(1);

/**
 * Components as the user listed them: `[{name, cores, threads, kind, provider, providerOptions}]`; threads default to the number of
 * cores, the kind to `cpu`. A `gpu` or `dla` is what an execution provider drives, so it needs one; whether that provider runs
 * here is found out by the inference hosts.
 * @throws EcomapError INVALID_CONFIG for a wrong shape, a name used twice, or a core that this process may not use.
 */
export function componentsByHand(list: unknown, detection: Detection): Component[] {
  const overrides = parseAtTheDoor(overridesSchema, list, 'INVALID_CONFIG', 'the list of components');
  const names = new Set<string>();
  for (const { name, cores, kind, provider } of overrides) {
    if (kind !== 'cpu' && provider === undefined) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `component "${name}" is a ${kind} and names no execution provider: add "provider", e.g. "cuda" (npx ecomap-doctor says which run here)`,
      );
    }
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
  return overrides.map(({ name, cores, threads = Math.max(1, cores.length), kind, provider, providerOptions }) => ({
    ...componentOf(name, detection.canPin ? cores : [], threads),
    ...(kind === 'cpu' && provider === undefined ? {} : { kind, componentClass: `${kind}-${provider ?? 'cpu'}` }),
    ...(provider === undefined ? {} : { provider }),
    ...(providerOptions === undefined ? {} : { providerOptions }),
  }));
}

/** Same processor and same component classes give the same fingerprint, whatever the host is called. */
export function fingerprintOf(detection: Detection, components: readonly Component[]): string {
  const classes = components.map(({ componentClass, threads }) => `${componentClass}:${threads}`).sort();
  const traits = [detection.arch, detection.cpuModel, ...new Set(classes)];
  return createHash('sha256').update(traits.join('\n')).digest('hex').slice(0, 16);
}
