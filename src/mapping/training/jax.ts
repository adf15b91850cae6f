import { createRequire } from 'node:module';
import type * as Jax from '@jax-js/jax';
import { EcomapError, messageOf } from '../../signals/errors';
import { howToInstallJax } from './jax-installed';

export type JaxModule = typeof Jax;
export type JaxArray = Jax.numpy.Array;

let loading: Promise<JaxModule> | null = null;

/**
 * The library that trains, on its WebAssembly backend. This file is the only one that loads it, and only child processes do:
 * a training step blocks its thread.
 * @throws EcomapError RUNTIME_UNAVAILABLE where it is not installed (it is an optional dependency)
 */
export function loadJax(): Promise<JaxModule> {
  loading ??= load();
  return loading;
}

async function load(): Promise<JaxModule> {
  let jax: JaxModule;
  try {
    jax = createRequire(__filename)('@jax-js/jax') as JaxModule;
  } catch (error) {
    throw new EcomapError(
      'RUNTIME_UNAVAILABLE',
      `The package @jax-js/jax does not load here (${messageOf(error).split('\n')[0]}), so the estimator cannot be trained on this ` +
        `device; the shipped one still works. ${howToInstallJax}`,
      { cause: error },
    );
  }
  // Other backends ask for a browser.
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  return jax;
}
