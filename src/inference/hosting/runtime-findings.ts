import type { Component } from '../../signals/device';
import { messageOf } from '../../signals/errors';
import { openSlotDirectory, type SlotDirectory } from '../shared-memory/slot-directory';
import type { HostEntry } from './host-entry';
import { TaskHost } from './task-host';
import { runtimeVersion } from './provider-probe';

/** What is tried: the CPU, and what could drive an accelerator on the system that this runs on. */
const providersBySystem: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ['cpu', 'cuda', 'tensorrt'],
  darwin: ['cpu', 'coreml'],
  win32: ['cpu', 'dml', 'cuda'],
};

export interface ProviderFinding {
  readonly name: string;
  readonly ran: boolean;
  /** The words of the runtime where it did not run; else empty. */
  readonly why: string;
}

export interface RuntimeFindings {
  /** null when onnxruntime-node is not installed. */
  readonly version: string | null;
  readonly providers: ProviderFinding[];
}

const componentOf = (provider: string): Component => ({
  name: `probe-${provider}`,
  kind: 'cpu',
  cores: [],
  threads: 1,
  provider,
  componentClass: 'probe',
});

async function tryProvider(name: string, slots: SlotDirectory, entry?: HostEntry): Promise<ProviderFinding> {
  const host = new TaskHost({ component: componentOf(name), slots, entry });
  try {
    await host.start();
    await host.probe();
    return { name, ran: true, why: '' };
  } catch (error) {
    return { name, ran: false, why: messageOf(error) };
  } finally {
    await host.close();
  }
}

/**
 * Runs a tiny model with each execution provider that could be here, one after the other, each in a process of its own: some end
 * the process that tries them. Unlike `ProviderProbe` it also proves the CPU, and remembers nothing.
 * @throws when no place for exchanging data with those processes can be made
 */
export async function findRuntime(entry?: HostEntry): Promise<RuntimeFindings> {
  const version = await runtimeVersion();
  if (version === null) return { version, providers: [] };
  const slots = await openSlotDirectory();
  try {
    const providers: ProviderFinding[] = [];
    for (const name of providersBySystem[process.platform] ?? ['cpu'])
      providers.push(await tryProvider(name, slots, entry));
    return { version, providers };
  } finally {
    await slots.remove();
  }
}
