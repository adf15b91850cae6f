import { EcomapError, messageOf } from '../../signals/errors';
import { loadRuntime } from '../runtime';
import { executionProvidersOf } from './execution-provider';
import type { SessionSettings } from './protocol';

/** `y = x + x` for four numbers, as ONNX of operator set 13. */
const doubling = 'CAhCBAoAEA06NQoOCgF4CgF4EgF5IgNBZGQSAWdaDwoBeBIKCggIARIECgIIBGIPCgF5EgoKCAgBEgQKAggE';

/**
 * Loads a tiny model with the execution provider of this host and runs it: only what has computed counts as there. Nodes that the
 * provider cannot take would silently run on the CPU otherwise, so that is forbidden here.
 * @throws EcomapError RUNTIME_UNAVAILABLE with the words of the runtime
 */
export async function probeProvider(settings: SessionSettings): Promise<null> {
  const { InferenceSession, Tensor } = loadRuntime();
  const forbidden = settings.provider === 'cpu' ? '0' : '1';
  try {
    const session = await InferenceSession.create(Buffer.from(doubling, 'base64'), {
      executionProviders: executionProvidersOf(settings),
      intraOpNumThreads: settings.threads,
      interOpNumThreads: 1,
      extra: { session: { disable_cpu_ep_fallback: forbidden } },
    });
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [4]) });
    const found = y === undefined ? [] : Array.from(y.data as Float32Array);
    if (found.join() !== '2,4,6,8') throw new Error(`1, 2, 3, 4 was doubled to ${found.join(', ') || 'nothing'}`);
    await session.release();
    return null;
  } catch (error) {
    const words = messageOf(error).split('\n')[0] ?? '';
    throw new EcomapError('RUNTIME_UNAVAILABLE', `the provider "${settings.provider}" does not run here: ${words}`);
  }
}
