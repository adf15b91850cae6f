import type { Context } from 'mocha';
import { loadJax, type JaxModule } from '../../src/mapping/training/jax';
import { messageOf } from '../../src/signals/errors';

/** The training library; where it is not installed the test is skipped, and says why. */
export async function jaxOrSkip(test: Context): Promise<JaxModule> {
  try {
    return await loadJax();
  } catch (error) {
    console.log(`      skipped: ${messageOf(error)}`);
    return test.skip();
  }
}
