import { ArmProcess } from '../../arms/arm-process';
import type { LoadFigures } from '../../arms/closed-loop';
import { rounded } from '../../report';
import type { BareOptions } from '../bare-arm';
import { componentsOn, interleaved, median, type BenchContext, type PartResult } from '../context';
import type { ExecutorOptions } from '../executor-arm';
import type { Measuring } from '../measuring';

const batch = 8;

/** What batching brings through the executor, and what the bare runtime gains from a batch of the same size. */
export async function measureBatching(context: BenchContext): Promise<PartResult> {
  const cores = context.cores.slice(0, 1);
  const model = context.model('dense');
  const bareOptions: BareOptions = {
    tenants: [
      { name: 'single', model },
      { name: 'batched', model, batch },
    ],
    threads: 1,
  };
  const executorOptions: ExecutorOptions = {
    tenants: [
      { name: 'single', model },
      { name: 'batched', model, serving: { largestBatch: batch, batchDelayMs: 20 } },
    ],
    components: componentsOn(cores),
  };
  const bare = await ArmProcess.start<Measuring>('bare', bareOptions, { cores });
  const executor = await ArmProcess.start<Measuring>('executor', executorOptions);
  const { seconds, warmUpS } = context;
  const measure = (arm: ArmProcess<Measuring>, tenant: string, inFlight: number) => (): Promise<LoadFigures> =>
    arm.call('measure', { loops: [{ tenant, inFlight }], seconds, warmUpS });
  context.say('batching: bare and executor, one by one and batched');
  const measured = await interleaved(context.rounds, {
    bareSingle: measure(bare, 'single', 1),
    executorSingle: measure(executor, 'single', 2 * batch),
    bareBatched: measure(bare, 'batched', 1),
    executorBatched: measure(executor, 'batched', 2 * batch),
  });
  await Promise.all([bare.close(), executor.close()]);
  const perS = (rounds: readonly LoadFigures[], round: number, rows: number): number =>
    rows * (Object.values(rounds[round] ?? {})[0]?.perS ?? NaN);
  const rounds = Array.from({ length: context.rounds }, (_, round) => round);
  const bareGains = rounds.map((at) => perS(measured.bareBatched, at, batch) / perS(measured.bareSingle, at, 1));
  const ownGains = rounds.map((at) => perS(measured.executorBatched, at, 1) / perS(measured.executorSingle, at, 1));
  return {
    figures: {
      batchingGainShare: rounded(median(rounds.map((at) => (ownGains[at] ?? NaN) / (bareGains[at] ?? NaN))), 3),
      batchingGain: rounded(median(ownGains)),
      batchingGainBare: rounded(median(bareGains)),
      batchedThroughputVsBare: rounded(
        median(rounds.map((at) => perS(measured.executorBatched, at, 1) / perS(measured.bareBatched, at, batch))),
        3,
      ),
      batchingPerS: rounded(median(rounds.map((at) => perS(measured.executorBatched, at, 1))), 1),
      batchingPerSBare: rounded(median(rounds.map((at) => perS(measured.bareBatched, at, batch))), 1),
    },
    setup: {
      batchingGainShare:
        `gain of batches of up to ${batch} over one by one through the executor (without Node-RED), over the gain of the bare ` +
        `runtime at a batch of ${batch}; dense, 1x3x64x64 float32, large dense layers; ${2 * batch} requests under way, one core`,
    },
  };
}
