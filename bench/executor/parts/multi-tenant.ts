import { ArmProcess } from '../../arms/arm-process';
import type { LoadFigures, LoadOrder } from '../../arms/closed-loop';
import { rounded } from '../../report';
import type { BareOptions } from '../bare-arm';
import { componentsOn, interleaved, median, pairedMedian, type BenchContext, type PartResult } from '../context';
import type { ExecutorOptions } from '../executor-arm';
import type { Measuring } from '../measuring';
import type { ModelName } from '../models';
import type { NodeRedArmOptions } from '../node-red-arm';
import type { ArmTenant } from '../tenants';
import type { GroupsOptions } from '../workers-arm';

/** Of very different size, heaviest first. */
export const fourModels = ['residual', 'separable', 'squeezing', 'narrow'] as const satisfies readonly ModelName[];

/** The big one alone on the first core, the others together on the second: about the best that two cores allow. */
export function groupsOn(cores: readonly number[]): { tenants: readonly string[]; cores: readonly number[] }[] {
  const [first, second] = cores;
  if (first === undefined) throw new Error('there is no core to run on');
  if (second === undefined) return [{ tenants: fourModels, cores: [first] }];
  return [
    { tenants: fourModels.slice(0, 1), cores: [first] },
    { tenants: fourModels.slice(1), cores: [second] },
  ];
}

const oneEach = fourModels.map((tenant) => ({ tenant, inFlight: 1 }));

/** Four tenants at once on the same cores, each way of running them in turn. */
export async function measureMultiTenant(context: BenchContext): Promise<PartResult> {
  const { cores, seconds, warmUpS } = context;
  const tenants: ArmTenant[] = fourModels.map((name) => ({ name, model: context.model(name) }));
  const groups = groupsOn(cores);
  const components = componentsOn(cores);
  const placement = Object.fromEntries(
    groups.flatMap((group, index) =>
      group.tenants.map((tenant) => [
        tenant,
        { variant: tenant, stages: [{ component: components[index]?.name ?? '', firstNode: 0 }] },
      ]),
    ),
  );
  const grouped: GroupsOptions = { tenants, groups };
  const each = (bound: boolean): GroupsOptions => ({
    tenants,
    groups: groups.flatMap((group) =>
      group.tenants.map((tenant) => ({ tenants: [tenant], cores: bound ? group.cores : null })),
    ),
  });
  const alone: BareOptions = { tenants, threads: 1 };
  const inProcess: BareOptions = { tenants, threads: null };
  const ours: ExecutorOptions = { tenants, components, placement };
  const throughNode: NodeRedArmOptions = { tenants, components, placement };
  const onTheseCores = { cores };
  const arms = {
    executor: await ArmProcess.start<Measuring>('executor', ours, onTheseCores),
    node: await ArmProcess.start<Measuring>('node-red', throughNode, onTheseCores),
    workersPinned: await ArmProcess.start<Measuring>('workers', grouped, onTheseCores),
    processPerCore: await ArmProcess.start<Measuring>('processes', grouped, onTheseCores),
    processEach: await ArmProcess.start<Measuring>('processes', each(false), onTheseCores),
    processEachPinned: await ArmProcess.start<Measuring>('processes', each(true), onTheseCores),
    inProcess: await ArmProcess.start<Measuring>('bare', inProcess, onTheseCores),
  };
  const solo = await ArmProcess.start<Measuring>('bare', alone, { cores: cores.slice(0, 1) });
  const order: LoadOrder = { loops: oneEach, seconds, warmUpS };
  context.say('four tenants: each model alone');
  const soloMs: Record<string, number> = {};
  for (const tenant of fourModels) {
    const figures = await solo.call('measure', { loops: [{ tenant, inFlight: 1 }], seconds: 1, warmUpS: 0.2 });
    soloMs[tenant] = figures[tenant]?.p50Ms ?? NaN;
  }
  await solo.close();
  context.say('four tenants: each arm for a while, until it is at its best');
  for (const arm of Object.values(arms)) await arm.call('measure', { ...order, seconds: context.startUpS });
  context.say(`four tenants: ${Object.keys(arms).join(', ')} in turn`);
  const measured = await interleaved(context.rounds, {
    executor: () => arms.executor.call('measure', order),
    node: () => arms.node.call('measure', order),
    workersPinned: () => arms.workersPinned.call('measure', order),
    processPerCore: () => arms.processPerCore.call('measure', order),
    processEach: () => arms.processEach.call('measure', order),
    processEachPinned: () => arms.processEachPinned.call('measure', order),
    inProcess: () => arms.inProcess.call('measure', order),
  });
  for (const arm of Object.values(arms)) await arm.close();

  const total = (figures: LoadFigures): number =>
    fourModels.reduce((sum, name) => sum + ((figures[name]?.perS ?? 0) * (soloMs[name] ?? NaN)) / 1000, 0);
  const rivals = ['workersPinned', 'processPerCore', 'processEach', 'processEachPinned'] as const;
  const totals = Object.fromEntries(
    Object.entries(measured).map(([name, rounds]) => [name, rounded(median(rounds.map(total)), 3)]),
  );
  const best = rivals.reduce((first, second) => ((totals[second] ?? 0) > (totals[first] ?? 0) ? second : first));
  const share = (one: LoadFigures, other: LoadFigures) => total(one) / total(other);
  return {
    figures: {
      multiTenantVsBest: rounded(pairedMedian(measured.executor, measured[best], share), 3),
      multiTenantVsInProcess: rounded(pairedMedian(measured.executor, measured.inProcess, share)),
      multiTenantThroughNodeVsBest: rounded(pairedMedian(measured.node, measured[best], share), 3),
      multiTenantBest: best,
      multiTenantCoreEquivalents: totals,
      multiTenantPerS: Object.fromEntries(
        Object.entries(measured).map(([name, rounds]) => [
          name,
          Object.fromEntries(
            fourModels.map((model) => [model, rounded(median(rounds.map((one) => one[model]?.perS ?? 0)), 1)]),
          ),
        ]),
      ),
    },
    setup: {
      multiTenantVsBest:
        'total throughput = sum over tenants of answers per second x latency alone, so that small models do not count for more ' +
        'than their work (at most one per core); closed loop, one request under way per tenant, sent from the main process ' +
        'on the same cores; the executor without Node-RED versus the best of the rivals: worker threads pinned by tid (one ' +
        'per core, inputs through shared memory), one process per core, one process per tenant pinned and not pinned (inputs ' +
        'through /dev/shm). All with one thread per session',
      multiTenantVsInProcess: 'the same versus all sessions in one process with the options of the runtime by default',
      multiTenantSoloMs: Object.fromEntries(Object.entries(soloMs).map(([name, ms]) => [name, rounded(ms)])),
    },
  };
}
