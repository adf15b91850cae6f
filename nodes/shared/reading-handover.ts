import type { CarbonReading } from '../../src/signals/carbon';

/** A deploy takes seconds; after a longer time the next reading is worth waiting for. */
const keptForMs = 60_000;

/**
 * What a node that is deployed anew learns from itself: otherwise it would know nothing of the grid until the next reading,
 * which a real one gives every quarter of an hour. By node id, in memory.
 */
const kept = new Map<string, { readonly reading: CarbonReading; readonly atMs: number }>();

export function leaveReading(nodeId: string, reading: CarbonReading | null): void {
  if (reading !== null) kept.set(nodeId, { reading, atMs: performance.now() });
}

/** The reading that this node left behind a moment ago, once; null when there is none. */
export function takeReading(nodeId: string): CarbonReading | null {
  const left = kept.get(nodeId);
  kept.delete(nodeId);
  return left !== undefined && performance.now() - left.atMs <= keptForMs ? left.reading : null;
}
