import { loadRuntime } from '../runtime';
import { executionProvidersOf } from './execution-provider';
import type { SessionSettings } from './protocol';

/** Eight products of a 128 x 128 matrix with itself, one after the other, as ONNX of operator set 13: 34 MFLOP. */
const products =
  'CAhCBAoAEA061wEKEgoBeAoBeBICdDEiBk1hdE11bAoTCgJ0MQoBeBICdDIiBk1hdE11bAoTCgJ0MgoBeBICdDMiBk1hdE11bAoTCgJ0MwoBeBICdDQiBk1h' +
  'dE11bAoTCgJ0NAoBeBICdDUiBk1hdE11bAoTCgJ0NQoBeBICdDYiBk1hdE11bAoTCgJ0NgoBeBICdDciBk1hdE11bAoSCgJ0NwoBeBIBeSIGTWF0TXVsEgFn' +
  'WhUKAXgSEAoOCAESCgoDCIABCgMIgAFiFQoBeRIQCg4IARIKCgMIgAEKAwiAAQ==';
const size = 128;
/** About 50 ms where nothing competes for the cores; where much does, it ends early. */
const mostRuns = 300;
const mostMs = 500;
const leastRuns = 20;

/**
 * Wall time of a fixed small model, ms: the fastest of many runs, because what competes for the cores slows single runs down, and
 * a slower clock all of them.
 */
export async function anchorLatencyMs(settings: SessionSettings): Promise<number> {
  const { InferenceSession, Tensor } = loadRuntime();
  const session = await InferenceSession.create(Buffer.from(products, 'base64'), {
    executionProviders: executionProvidersOf(settings),
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  try {
    // Keeps its size from product to product, so that nothing overflows.
    const x = new Tensor('float32', new Float32Array(size * size).fill(1 / size), [size, size]);
    const began = performance.now();
    let fastest = Infinity;
    for (let run = 0; run < leastRuns || (run < mostRuns && performance.now() - began < mostMs); run += 1) {
      const started = performance.now();
      await session.run({ x });
      fastest = Math.min(fastest, performance.now() - started);
    }
    return fastest;
  } finally {
    await session.release();
  }
}
