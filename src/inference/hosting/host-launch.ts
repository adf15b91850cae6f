import { fork, type ChildProcess } from 'node:child_process';
import { access } from 'node:fs/promises';
import { constants } from 'node:fs';
import type { Component } from '../../signals/device';
import type { HostSettings } from '../host/protocol';
import type { HostEntry } from './host-entry';

const tasksetPath = '/usr/bin/taskset';

/** What a host needs of the environment; the rest, which may hold secrets of Node-RED, stays here. */
const inheritedVariables =
  /^(PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|TEMP|TMP|SystemRoot|LD_LIBRARY_PATH|DYLD_.*|ORT_.*|CUDA_.*|NVIDIA_.*)$/i;

function hostEnvironment(): NodeJS.ProcessEnv {
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

/** Starts the process of a host, pinned to the component's cores by taskset when `pinned`. */
export function launchHost(entry: HostEntry, component: Component, pinned: boolean): ChildProcess {
  const nodeArguments = [...entry.execArgv];
  const execArgv = pinned ? ['-c', component.cores.join(','), process.execPath, ...nodeArguments] : nodeArguments;
  const { threads, provider = 'cpu', providerOptions = {} } = component;
  const settings: HostSettings = { threads, provider, providerOptions };
  return fork(entry.script, [JSON.stringify(settings)], {
    execPath: pinned ? tasksetPath : process.execPath,
    execArgv,
    env: hostEnvironment(),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}
