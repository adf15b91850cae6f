import assert from 'node:assert/strict';
import { energyOfRuns } from '../../../src/inference/energy-of-runs';

describe('energy of an inference', () => {
  /** The second run takes so much wall time for 10 ms of CPU time; the meter sees 20 J, 5 of them idle. */
  const read = async (wallMs: number, more: { threads?: number; contended?: boolean } = {}) => {
    let reads = 0;
    let reruns = 0;
    const meter = {
      readEnergy: () => ({ totalJ: (reads += 1) === 3 ? 20 : 0, idleJ: 5, source: 'measured' as const }),
    };
    const host = {
      rerun: (durationMs: number) => {
        reruns += 1;
        return Promise.resolve({ runs: 30, p50Ms: wallMs, cpuP50Ms: 10, startedMs: 0, endedMs: durationMs });
      },
    };
    const energy = await energyOfRuns(host, meter, more.threads ?? 1, more.contended ?? false);
    return { energy, reruns };
  };

  it('is what a sensor sees above idle, per run', async () => {
    assert.deepEqual(await read(11), { energy: { perInferenceJ: 0.5, source: 'measured' }, reruns: 2 });
  });

  it('is unknown where something else competed, before or meanwhile', async () => {
    assert.deepEqual(await read(15), { energy: null, reruns: 2 });
    assert.deepEqual(await read(11, { contended: true }), { energy: null, reruns: 0 });
    // Several threads wait for each other.
    assert.equal((await read(15, { threads: 2 })).energy?.perInferenceJ, 0.5);
  });
});
