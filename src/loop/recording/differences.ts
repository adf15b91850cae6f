import type { DecisionEvent } from './events';

/** The first value in which two decisions differ. */
export interface Difference {
  /** E.g. `tenants.inspect.variant`; empty where one decision is missing, or of another kind. */
  readonly field: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

/**
 * Numbers that differ by no more than this share are the same: the last digits of logarithms and exponentials may differ between
 * processors and versions of Node.js.
 */
const aboutEqual = 1e-9;

/** Whether two values, of whatever kind, count as the same. */
export function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== 'number' || typeof other !== 'number') return one === other;
  return one === other || Math.abs(one - other) <= aboutEqual * Math.max(Math.abs(one), Math.abs(other));
}

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null;

function firstDifference(recorded: unknown, replayed: unknown, path: readonly string[]): Difference | null {
  if (!isTree(recorded) || !isTree(replayed)) {
    return isSame(recorded, replayed) ? null : { field: path.join('.'), recorded, replayed };
  }
  const [one, other] = [new Map(Object.entries(recorded)), new Map(Object.entries(replayed))];
  for (const key of new Set([...one.keys(), ...other.keys()])) {
    const found = firstDifference(one.get(key), other.get(key), [...path, key]);
    if (found !== null) return found;
  }
  return null;
}

/** What explains a decision and is no part of it. */
const wording: readonly string[] = ['why', 'reason'];

function withoutWords(decision: DecisionEvent | null): unknown {
  return decision === null
    ? null
    : Object.fromEntries(Object.entries(decision).filter(([field]) => !wording.includes(field)));
}

/**
 * Where two decisions differ first, besides in how they are explained; null where they are the same. Either may be missing.
 */
export function differenceOf(recorded: DecisionEvent | null, replayed: DecisionEvent | null): Difference | null {
  if (recorded?.kind !== replayed?.kind) {
    return { field: '', recorded: recorded?.kind ?? null, replayed: replayed?.kind ?? null };
  }
  return firstDifference(withoutWords(recorded), withoutWords(replayed), []);
}

/** Where the same decision is explained in other words; null where it is not. */
export function rewordingOf(recorded: DecisionEvent | null, replayed: DecisionEvent | null): Difference | null {
  return differenceOf(recorded, replayed) === null ? firstDifference(recorded, replayed, []) : null;
}
