import { setPriority } from 'node:os';

/** Lets others go before a process of this package. Where the system refuses, as some containers do, it competes as an equal. */
export function lowerPriority(pid: number, nice: number): void {
  try {
    setPriority(pid, nice);
  } catch {
    // Or it is gone, and its end is told elsewhere.
  }
}
