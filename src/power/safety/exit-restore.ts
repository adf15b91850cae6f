import { closeSync, constants, openSync, writeSync } from 'node:fs';

/**
 * The last resort of a process that ends: settings are put back without awaiting anything. One hook serves the whole process:
 * each node is a bundle of its own, so the list of what is open hangs on the global object.
 */
interface OpenChanges {
  readonly restoreByInstance: Map<string, () => void>;
  readonly remove: () => void;
}

const listKey = Symbol.for('@ecomap/node-red-ecomap/open-machine-changes');
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

const openChanges = (): OpenChanges | null => (Reflect.get(globalThis, listKey) as OpenChanges | undefined) ?? null;

function install(): OpenChanges {
  const restoreByInstance = new Map<string, () => void>();
  const restoreAll = (): void => {
    for (const restore of [...restoreByInstance.values()]) restore();
  };
  // Node-RED stops on signals by itself and then exits. Where nobody listens a signal would end the process without `exit`.
  const onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return;
    restoreAll();
    process.removeListener(signal, onSignal);
    process.kill(process.pid, signal);
  };
  process.on('exit', restoreAll);
  for (const signal of signals) process.on(signal, onSignal);
  const remove = (): void => {
    process.removeListener('exit', restoreAll);
    for (const signal of signals) process.removeListener(signal, onSignal);
    Reflect.deleteProperty(globalThis, listKey);
  };
  const list = { restoreByInstance, remove };
  Reflect.set(globalThis, listKey, list);
  return list;
}

/** @param restore must not throw and not await */
export function restoreAtExit(instance: string, restore: () => void): void {
  (openChanges() ?? install()).restoreByInstance.set(instance, restore);
}

export function forgetAtExit(instance: string): void {
  const list = openChanges();
  if (list === null) return;
  list.restoreByInstance.delete(instance);
  if (list.restoreByInstance.size === 0) list.remove();
}

/** Whether such changes are open in this process. */
export const isOpenHere = (instance: string): boolean => openChanges()?.restoreByInstance.has(instance) ?? false;

/** One write to a file that exists, as the asynchronous way does it. */
export function writeFileAtExit(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}
