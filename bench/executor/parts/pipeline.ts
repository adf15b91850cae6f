import { readFile } from 'node:fs/promises';
import { ArmProcess } from '../../arms/arm-process';
import type { TenantFigures } from '../../arms/closed-loop';
import { rounded } from '../../report';
import { graphParts } from '../../../src/models/onnx/computing-nodes';
import { cutPoints, offeredCuts } from '../../../src/models/onnx/cuts';
import { parseModel } from '../../../src/models/onnx/model';
import { componentsOn, interleaved, median, pairedMedian, type BenchContext, type PartResult } from '../context';
import type { Executing, ExecutorOptions } from '../executor-arm';
import type { BenchModel, ModelName } from '../models';
import type { Placement } from '../plan';

const pipelined: readonly ModelName[] = ['residual', 'separable', 'squeezing', 'narrow'];
/** Enough that neither stage waits for a request. */
const inFlight = 4;
const firstLook = 7;
const neighbours = 2;

const evenly = <Item>(items: readonly Item[], count: number): Item[] =>
  items.filter(
    (_, index) => Math.floor((index * count) / items.length) !== Math.floor(((index - 1) * count) / items.length),
  );

async function firstNodesOf(model: BenchModel): Promise<number[]> {
  const parts = graphParts(parseModel(await readFile(model.path)));
  return offeredCuts(cutPoints(parts), 1).map(({ firstNode }) => firstNode);
}

/** One model in two stages on two components, one core each, against one session with two threads on both cores. */
async function comparePipeline(context: BenchContext, model: BenchModel) {
  const { cores, seconds, warmUpS } = context;
  const tenants = [{ name: 'tenant', model }];
  const components = componentsOn(cores);
  const [first, second] = components;
  if (first === undefined || second === undefined) throw new Error('a pipeline needs two cores');
  const staged: ExecutorOptions = { tenants, components };
  const whole: ExecutorOptions = { tenants, components: [{ name: 'both', cores, threads: cores.length }] };
  const pipeline = await ArmProcess.start<Executing>('executor', staged);
  const single = await ArmProcess.start<Executing>('executor', whole);
  const measure = async (arm: ArmProcess<Executing>, lengthS: number): Promise<TenantFigures> => {
    const loops = [{ tenant: 'tenant', inFlight }];
    const { tenant } = await arm.call('measure', { loops, seconds: lengthS, warmUpS });
    if (tenant === undefined) throw new Error('an arm measured nothing');
    return tenant;
  };
  const placement = (firstNode: number): Placement => ({
    tenant: {
      variant: model.name,
      stages: [
        { component: first.name, firstNode: 0 },
        { component: second.name, firstNode },
      ],
    },
  });
  const tried = new Map<number, number>();
  const tryCut = async (firstNode: number): Promise<void> => {
    if (tried.has(firstNode)) return;
    const stages = await pipeline.call('place', { placement: placement(firstNode), tenant: 'tenant' });
    if (stages !== 2) throw new Error(`a plan of two stages ran on ${stages} component${stages === 1 ? '' : 's'}`);
    tried.set(firstNode, (await measure(pipeline, 0.5)).perS);
  };
  const best = (): number => [...tried].reduce((one, other) => (other[1] > one[1] ? other : one))[0];
  const cuts = await firstNodesOf(model);
  for (const cut of evenly(cuts, firstLook)) await tryCut(cut);
  const at = cuts.indexOf(best());
  for (const cut of cuts.slice(Math.max(0, at - neighbours), at + neighbours + 1)) await tryCut(cut);
  const cut = best();
  await pipeline.call('place', { placement: placement(cut), tenant: 'tenant' });
  const measured = await interleaved(context.rounds, {
    pipeline: () => measure(pipeline, seconds),
    single: () => measure(single, seconds),
  });
  await Promise.all([pipeline.close(), single.close()]);
  return {
    ratio: rounded(
      pairedMedian(measured.pipeline, measured.single, (one, other) => one.perS / other.perS),
      3,
    ),
    pipelinePerS: rounded(median(measured.pipeline.map(({ perS }) => perS)), 1),
    singlePerS: rounded(median(measured.single.map(({ perS }) => perS)), 1),
    cut: `node ${cut} of ${cuts.at(-1) ?? 0}`,
  };
}

/** Where two stages on two components beat one session that uses both. */
export async function measurePipeline(context: BenchContext): Promise<PartResult> {
  if (context.cores.length < 2) {
    return { figures: { pipelineVsSingle: null }, setup: { pipelineVsSingle: 'not measured: there is only one core' } };
  }
  const ratios: Record<string, number> = {};
  const details: Record<string, object> = {};
  for (const name of pipelined) {
    context.say(`pipeline: ${name}`);
    const { ratio, ...detail } = await comparePipeline(context, context.model(name));
    ratios[name] = ratio;
    details[name] = detail;
  }
  return {
    figures: {
      pipelineVsSingle: ratios,
      pipelineWins: pipelined.filter((name) => (ratios[name] ?? 0) > 1),
    },
    setup: {
      pipelineVsSingle:
        'answers per second of two stages on two components (a core and a thread each) over one session with two threads on ' +
        `both cores, through the executor, ${inFlight} requests under way; of all cuts with one tensor the best of those tried`,
      pipeline: details,
    },
  };
}
