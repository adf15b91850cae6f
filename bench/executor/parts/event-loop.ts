import { ArmProcess } from '../../arms/arm-process';
import type { LoadOrder } from '../../arms/closed-loop';
import { rounded } from '../../report';
import type { BareOptions } from '../bare-arm';
import { componentsOn, interleaved, median, type BenchContext, type PartResult } from '../context';
import type { DelayFigures, Measuring } from '../measuring';
import type { NodeRedArmOptions } from '../node-red-arm';
import { fourModels } from './multi-tenant';

/** How late timers are in the process of Node-RED while four tenants run flat out, and when the models run inside a process. */
export async function measureEventLoop(context: BenchContext): Promise<PartResult> {
  const tenants = fourModels.map((name) => ({ name, model: context.model(name) }));
  const nodeOptions: NodeRedArmOptions = { tenants, components: componentsOn(context.cores) };
  const defaults: BareOptions = { tenants, threads: null };
  const oneThread: BareOptions = { tenants, threads: 1 };
  const node = await ArmProcess.start<Measuring>('node-red', nodeOptions);
  const inProcess = await ArmProcess.start<Measuring>('bare', defaults);
  const inProcessOneThread = await ArmProcess.start<Measuring>('bare', oneThread);
  const order: LoadOrder = {
    loops: tenants.map(({ name: tenant }) => ({ tenant, inFlight: 1 })),
    seconds: 2 * context.seconds,
    warmUpS: Math.max(1, context.warmUpS),
  };
  context.say('event loop: Node-RED with the executor, and the sessions in one process');
  const measured = await interleaved(context.rounds, {
    node: () => node.call('measureDelay', order),
    inProcess: () => inProcess.call('measureDelay', order),
    inProcessOneThread: () => inProcessOneThread.call('measureDelay', order),
  });
  await Promise.all([node.close(), inProcess.close(), inProcessOneThread.close()]);
  const p99 = (rounds: readonly DelayFigures[]) => median(rounds.map(({ p99Ms }) => p99Ms));
  const p50 = (rounds: readonly DelayFigures[]) => median(rounds.map(({ p50Ms }) => p50Ms));
  return {
    figures: {
      eventLoopP99Ms: rounded(p99(measured.node)),
      eventLoopGain: rounded(p99(measured.inProcess) / p99(measured.node), 1),
      eventLoopP50Ms: rounded(p50(measured.node)),
      eventLoopInProcessP99Ms: rounded(p99(measured.inProcess)),
      eventLoopInProcessOneThreadP99Ms: rounded(p99(measured.inProcessOneThread)),
    },
    setup: {
      eventLoop:
        'lateness of a 2 ms timer in the process that runs Node-RED, and in a process that runs the same four tenants itself with ' +
        'the options of the runtime by default (and with one thread per session); closed loop, one request under way per tenant',
      eventLoopSamples: measured.node.reduce((sum, { samples }) => sum + samples, 0),
    },
  };
}
