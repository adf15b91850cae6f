import { createRequire } from 'node:module';
import { EcomapError } from '../../signals/errors';

/** For messages: what to do where the library that trains is missing. */
export const howToInstallJax = 'In the Node-RED user directory run `npm install @jax-js/jax`.';

/**
 * Whether the library that trains is there, without loading it: said before minutes of measuring.
 * @throws EcomapError RUNTIME_UNAVAILABLE where it is not
 */
export function checkJaxInstalled(file: string = __filename): void {
  try {
    createRequire(file).resolve('@jax-js/jax');
  } catch (error) {
    throw new EcomapError(
      'RUNTIME_UNAVAILABLE',
      `The package @jax-js/jax is not installed (it is optional), so the estimator cannot be trained on this device; the shipped ` +
        `one still works. ${howToInstallJax}`,
      { cause: error },
    );
  }
}
