import { ArmProcess } from '../../arms/arm-process';
import type { LoadOrder } from '../../arms/closed-loop';
import { rounded } from '../../report';
import { componentsOn, median, type BenchContext, type PartResult } from '../context';
import type { Executing, ExecutorOptions } from '../executor-arm';
import type { Placement } from '../plan';

/** What callers feel of swaps under load: the worst latency while variants change all the time, and without. */
export async function measureSwapLatency(context: BenchContext): Promise<PartResult> {
  const [component] = componentsOn(context.cores.slice(0, 1));
  if (component === undefined) throw new Error('there is no core to run on');
  const heavy = context.model('separable');
  const light = context.model('narrow');
  const options: ExecutorOptions = {
    tenants: [{ name: 'swapped', model: heavy, lighter: [light] }],
    components: [component],
  };
  const arm = await ArmProcess.start<Executing>('executor', options);
  const load: LoadOrder = {
    loops: [{ tenant: 'swapped', inFlight: 2 }],
    seconds: 2 * context.seconds,
    warmUpS: context.warmUpS,
  };
  const placement = (variant: string): Placement => ({
    swapped: { variant, stages: [{ component: component.name, firstNode: 0 }] },
  });
  const placements = [placement(light.name), placement(heavy.name)];
  context.say('swaps under load');
  const steady: { p99Ms: number; maximumMs: number }[] = [];
  const swapping: { p99Ms: number; maximumMs: number }[] = [];
  let swaps = 0;
  let answers = 0;
  const swapMs: number[] = [];
  for (let round = 0; round < context.rounds; round += 1) {
    const alone = await arm.call('measure', load);
    const meanwhile = await arm.call('measureSwapping', { load, placements, pauseS: 0.25 });
    const one = alone['swapped'];
    const other = meanwhile.load['swapped'];
    if (one === undefined || other === undefined) throw new Error('an arm measured nothing');
    steady.push(one);
    swapping.push(other);
    answers += other.count;
    swaps += meanwhile.swaps;
    swapMs.push(meanwhile.swapP50Ms);
  }
  await arm.close();
  const worst = (rounds: readonly { maximumMs: number }[]) => Math.max(...rounds.map(({ maximumMs }) => maximumMs));
  return {
    figures: {
      swapWorstLatencyMs: rounded(worst(swapping)),
      swapP99LatencyMs: rounded(median(swapping.map(({ p99Ms }) => p99Ms))),
      steadyWorstLatencyMs: rounded(worst(steady)),
      steadyP99LatencyMs: rounded(median(steady.map(({ p99Ms }) => p99Ms))),
      swapTakesMs: rounded(median(swapMs)),
    },
    setup: {
      swapLatency:
        `separable and narrow take turns as variants of one tenant on one core, a quarter of a second apart, under a closed loop ` +
        `of two: ${swaps} swaps, ${answers} answers, none failed (one would end the benchmark)`,
    },
  };
}
