import { ArmProcess } from '../../arms/arm-process';
import type { TenantFigures } from '../../arms/closed-loop';
import { rounded } from '../../report';
import type { BareOptions } from '../bare-arm';
import { componentsOn, interleaved, median, pairedMedian, type BenchContext, type PartResult } from '../context';
import type { ExecutorOptions } from '../executor-arm';
import type { Measuring } from '../measuring';
import type { ModelName } from '../models';
import type { NodeRedArmOptions } from '../node-red-arm';

const models = ['residual', 'narrow', 'small'] as const;
type Measured = (typeof models)[number];

/** One tenant through the node, and through the executor alone, against a loop around `session.run` on the same core. */
export async function measureSingleTenant(context: BenchContext): Promise<PartResult> {
  const cores = context.cores.slice(0, 1);
  const tenants = models.map((name: ModelName) => ({ name, model: context.model(name) }));
  const components = componentsOn(cores);
  const bareOptions: BareOptions = { tenants, threads: 1 };
  const executorOptions: ExecutorOptions = { tenants, components };
  const nodeOptions: NodeRedArmOptions = { tenants, components };
  const bare = await ArmProcess.start<Measuring>('bare', bareOptions, { cores });
  const executor = await ArmProcess.start<Measuring>('executor', executorOptions);
  const node = await ArmProcess.start<Measuring>('node-red', nodeOptions);
  const measure =
    (arm: ArmProcess<Measuring>, tenant: Measured, inFlight: number) => async (): Promise<TenantFigures> => {
      const { seconds, warmUpS } = context;
      const figures = await arm.call('measure', { loops: [{ tenant, inFlight }], seconds, warmUpS });
      return figures[tenant] ?? { count: 0, perS: 0, p50Ms: NaN, p99Ms: NaN, maximumMs: NaN };
    };
  context.say('one tenant: each arm for a while, until it is at its best');
  const startUp = { loops: [{ tenant: 'small', inFlight: 8 }], seconds: context.startUpS, warmUpS: 0 };
  for (const arm of [bare, executor, node]) await arm.call('measure', startUp);
  context.say('one tenant at full load: bare, executor, node');
  const full = await interleaved(context.rounds, {
    bare: measure(bare, 'residual', 1),
    executor: measure(executor, 'residual', 2),
    node: measure(node, 'residual', 2),
  });
  const latencies: Record<string, Record<'bare' | 'executor' | 'node', TenantFigures[]>> = {};
  for (const name of models) {
    context.say(`added latency: ${name}`);
    latencies[name] = await interleaved(context.rounds, {
      bare: measure(bare, name, 1),
      executor: measure(executor, name, 1),
      node: measure(node, name, 1),
    });
  }
  await Promise.all([bare.close(), executor.close(), node.close()]);
  const rateShare = (one: TenantFigures, other: TenantFigures) => one.perS / other.perS;
  const added = (name: Measured, arm: 'executor' | 'node'): number => {
    const { [arm]: own = [], bare: alone = [] } = latencies[name] ?? {};
    return rounded(
      pairedMedian(own, alone, (one, other) => one.p50Ms - other.p50Ms),
      3,
    );
  };
  const p50 = (name: Measured, arm: 'bare' | 'node') =>
    rounded(median((latencies[name]?.[arm] ?? []).map(({ p50Ms }) => p50Ms)), 3);
  return {
    figures: {
      throughputVsBare: rounded(pairedMedian(full.node, full.bare, rateShare), 3),
      addedLatencyMs: added('narrow', 'node'),
      addedLatencySmallMs: added('small', 'node'),
      throughputVsBareWithoutNodeRed: rounded(pairedMedian(full.executor, full.bare, rateShare), 3),
      addedLatencyWithoutNodeRedMs: added('narrow', 'executor'),
      addedLatencySmallWithoutNodeRedMs: added('small', 'executor'),
      addedLatencyBigModelMs: added('residual', 'node'),
    },
    setup: {
      throughputVsBare:
        `answers per second through the node in a real Node-RED, two requests under way, over those of a session.run loop; ` +
        `residual, 1x3x224x224 float32, ${p50('residual', 'bare')} ms; one core, one thread, both pinned`,
      addedLatencyMs:
        `p50 of a message through the wire to the node and back, one under way, minus p50 of session.run; ` +
        `narrow, 1x3x224x224 float32 (${p50('narrow', 'bare')} ms bare, ${p50('narrow', 'node')} ms through the node)`,
      addedLatencySmallMs: `the same with small, 1x1024 float32 (${p50('small', 'bare')} ms bare, ${p50('small', 'node')} ms through the node)`,
    },
  };
}
