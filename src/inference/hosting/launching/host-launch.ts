import { spawn, type ChildProcess } from 'node:child_process';
import { access } from 'node:fs/promises';
import { constants } from 'node:fs';
import type { Component } from '../../../signals/device';
import type { HostSettings } from '../../host/protocol';
import type { HostEntry } from '../host-entry';

const tasksetPath = '/usr/bin/taskset';

/** What a host needs of the environment; the rest, which may hold secrets of Node-RED, stays here. */
const inheritedVariables =
  /^(PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|TEMP|TMP|SystemRoot|LD_LIBRARY_PATH|DYLD_.*|ORT_.*|CUDA_.*|NVIDIA_.*)$/i;

export function hostEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => inheritedVariables.test(name)));
}

export async function canPin(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    await access(tasksetPath, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What to start, and where. */
export interface HostLaunch {
  readonly entry: HostEntry;
  readonly component: Component;
  /** Where the slot files lie. */
  readonly slotDirectory: string;
  /** Binds the process to the component's cores, by taskset. */
  readonly pinned: boolean;
}

/** Starts the process of a host. Its channel is a socket, `stdio[channelDescriptor]`. */
export function launchHost({ entry, component, slotDirectory, pinned }: HostLaunch): ChildProcess {
  const { threads, provider = 'cpu', providerOptions = {} } = component;
  const settings: HostSettings = { threads, provider, providerOptions, slotDirectory };
  const node = [process.execPath, ...entry.execArgv, entry.script, JSON.stringify(settings)];
  const [program = '', ...programArguments] = pinned ? [tasksetPath, '-c', component.cores.join(','), ...node] : node;
  return spawn(program, programArguments, { env: hostEnvironment(), stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
}
