import { constants, getPriority, setPriority } from 'node:os';

/** Added to the nice value of the process that asks: with it, a process that computes all the time leaves nine tenths of a core to one that does not. */
const nicer = 10;

/** Lets everybody else go first: what measures a device keeps all of its cores busy. Where the system refuses, nothing changes. */
export function standBack(pid: number): void {
  try {
    setPriority(pid, Math.min(constants.priority.PRIORITY_LOW, getPriority() + nicer));
  } catch {
    // It is gone, or the system does not allow it: then it computes like everybody else.
  }
}
