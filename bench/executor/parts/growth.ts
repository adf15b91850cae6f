import { ArmProcess } from '../../arms/arm-process';
import { rounded } from '../../report';
import { componentsOn, type BenchContext, type PartResult } from '../context';
import type { Footprint } from '../footprint';
import type { Growth, GrowthOptions, GrowthOrder } from '../growth-arm';

const limitMB = 20;

interface Counts {
  readonly warmUp: number;
  readonly full: number;
  readonly control: number;
}

interface Grown {
  readonly done: number;
  readonly before: Footprint;
  readonly after: Footprint;
  readonly growthMB: number;
  readonly controlMB: number;
}

/** One executor: warmed up, measured, and then with the leaking consumer, which must be found out by the same measurement. */
async function grow(context: BenchContext, what: 'swap' | 'request', counts: Counts): Promise<Grown> {
  const options: GrowthOptions = { components: componentsOn(context.cores), small: context.model('small') };
  const arm = await ArmProcess.start<Growth>('growth', options, { nodeArguments: ['--expose-gc'] });
  const order = (count: number, leaking: boolean): GrowthOrder => ({ count, leaking });
  await arm.call(what, order(counts.warmUp, false));
  const before = await arm.call('footprint', undefined);
  context.say(`memory: ${counts.full} x ${what}, from ${before.totalMB.toFixed(0)} MB`);
  const done = await arm.call(what, order(counts.full, false));
  const after = await arm.call('footprint', undefined);
  context.say(`memory: the control, ${counts.control} x ${what} with a leak, from ${after.totalMB.toFixed(0)} MB`);
  await arm.call(what, order(counts.control, true));
  const leaked = await arm.call('footprint', undefined);
  await arm.close();
  return {
    done,
    before,
    after,
    growthMB: after.totalMB - before.totalMB,
    controlMB: leaked.totalMB - after.totalMB,
  };
}

const shown = ({ totalMB, ownMB, hostsMB, hosts }: Footprint) => ({
  totalMB: rounded(totalMB, 1),
  executorMB: rounded(ownMB, 1),
  hostsMB: rounded(hostsMB, 1),
  hosts,
});

/** Idle-to-idle growth of memory over many swaps, with a negative control. */
export async function measureSwapGrowth(context: BenchContext): Promise<PartResult> {
  const counts = context.quick ? { warmUp: 24, full: 60, control: 60 } : { warmUp: 300, full: 1000, control: 75 };
  const { done, before, after, growthMB, controlMB } = await grow(context, 'swap', counts);
  return {
    figures: {
      swapGrowthMB: rounded(growthMB, 1),
      swapControlGrowthMB: rounded(controlMB, 1),
      swapControlTripped: controlMB >= limitMB,
    },
    setup: {
      swapGrowthMB:
        `${done} swaps after ${counts.warmUp} to warm up: three tenants go round the four variants of the demonstration ` +
        `families and round the components, by applyPlan; anonymous memory of the executor's process, all its ` +
        'hosts and their files in memory, idle, after garbage collection everywhere, trimmed mean of twelve samples',
      swapMemory: { before: shown(before), after: shown(after) },
      swapControl: `${counts.control} swaps with a consumer that keeps the bytes of each model: must exceed ${limitMB} MB`,
    },
  };
}

/** Idle-to-idle growth of memory over many requests, with a negative control. */
export async function measureRequestGrowth(context: BenchContext): Promise<PartResult> {
  const counts = context.quick
    ? { warmUp: 4_000, full: 10_000, control: 10_000 }
    : { warmUp: 30_000, full: 100_000, control: 10_000 };
  const { done, before, after, growthMB, controlMB } = await grow(context, 'request', counts);
  return {
    figures: {
      requestGrowthMB: rounded(growthMB, 1),
      requestControlGrowthMB: rounded(controlMB, 1),
      requestControlTripped: controlMB >= limitMB,
    },
    setup: {
      requestGrowthMB: `${done} requests of 4 KB after ${counts.warmUp} to warm up, measured as the swaps are`,
      requestMemory: { before: shown(before), after: shown(after) },
      requestControl: `${counts.control} requests with a consumer that keeps each request and answer: must exceed ${limitMB} MB`,
    },
  };
}
