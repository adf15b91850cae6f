// The executor against the bare runtime and against the other ways of running several models: the figures of "Speed and memory".
//   npm run bench -- executor                          everything, about eleven minutes
//   npm run bench -- executor --only latency,swaps     some of the parts
//   npm run bench -- executor --quick                  all of it, short: to see that it works
import { parseArgs } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { ArmProcess } from './arms/arm-process';
import { serveArm, type ArmStart } from './arms/serve-arm';
import { startBareArm } from './executor/bare-arm';
import { benchCores, type BenchContext, type PartResult } from './executor/context';
import { startDispatchArm } from './executor/dispatch-arm';
import { startExecutorArm } from './executor/executor-arm';
import { startGrowthArm } from './executor/growth-arm';
import { modelNames, writeModels } from './executor/models';
import { startNodeRedArm } from './executor/node-red-arm';
import { measureBatching } from './executor/parts/batching';
import { measureDispatch } from './executor/parts/dispatch';
import { measureEventLoop } from './executor/parts/event-loop';
import { measureRequestGrowth, measureSwapGrowth } from './executor/parts/growth';
import { measureHeadOfLine } from './executor/parts/head-of-line';
import { measureMultiTenant } from './executor/parts/multi-tenant';
import { measurePipeline } from './executor/parts/pipeline';
import { measureSingleTenant } from './executor/parts/single-tenant';
import { measureSwapLatency } from './executor/parts/swap-latency';
import { serveAsSessionChild, startProcessesArm } from './executor/processes-arm';
import { serveAsWorker, startWorkersArm } from './executor/workers-arm';
import { messageOf } from '../src/signals/errors';
import { printReport } from './report';

const arms: Record<string, ArmStart> = {
  bare: startBareArm,
  dispatch: startDispatchArm,
  executor: startExecutorArm,
  growth: startGrowthArm,
  'node-red': startNodeRedArm,
  processes: startProcessesArm,
  workers: startWorkersArm,
};

const parts: Record<string, (context: BenchContext) => Promise<PartResult>> = {
  single: measureSingleTenant,
  multi: measureMultiTenant,
  'event-loop': measureEventLoop,
  dispatch: measureDispatch,
  batching: measureBatching,
  pipeline: measurePipeline,
  'head-of-line': measureHeadOfLine,
  'swap-latency': measureSwapLatency,
  swaps: measureSwapGrowth,
  requests: measureRequestGrowth,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arm: { type: 'string' },
      'session-child': { type: 'boolean' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  if (!isMainThread) return serveAsWorker();
  if (values['session-child']) return serveAsSessionChild();
  if (values.arm !== undefined) {
    const start = arms[values.arm];
    if (start === undefined) throw new Error(`there is no arm "${values.arm}"`);
    return serveArm(start);
  }
  const chosen = values.only?.split(',') ?? Object.keys(parts);
  const unknown = chosen.find((name) => parts[name] === undefined);
  if (unknown !== undefined) throw new Error(`there is no part "${unknown}": ${Object.keys(parts).join(', ')}`);

  const beganMs = performance.now();
  const sinceS = () => Math.round((performance.now() - beganMs) / 1000);
  const say = (text: string) => process.stderr.write(`${String(sinceS()).padStart(4)} s  ${text}\n`);
  say('generating models');
  const { models, remove } = await writeModels(modelNames);
  const { quick } = values;
  const context: BenchContext = {
    model: (name) => models[name],
    cores: benchCores(),
    rounds: quick ? 2 : 5,
    seconds: quick ? 1 : 2,
    warmUpS: 0.3,
    startUpS: quick ? 1 : 4,
    quick,
    say,
  };
  const figures: Record<string, unknown> = {};
  const setup: Record<string, unknown> = {};
  const failed: Record<string, string> = {};
  try {
    for (const name of chosen) {
      try {
        const result = await parts[name]?.(context);
        Object.assign(figures, result?.figures);
        Object.assign(setup, result?.setup);
      } catch (error) {
        // The other parts say what they have to say all the same.
        failed[name] = messageOf(error).split('\n')[0] ?? '';
        process.exitCode = 1;
        ArmProcess.abandonAll();
        say(`${name} failed: ${messageOf(error)}`);
      }
    }
  } finally {
    await remove();
  }
  const { rounds, seconds, cores } = context;
  printReport({
    bench: 'executor',
    figures,
    setup: {
      ...(quick ? { quick: 'a short run: figures of little worth' } : {}),
      rounds: `${rounds} windows of ${seconds} s per arm and figure, arms in turn; medians over the rounds`,
      coresUsed: cores,
      parts: chosen,
      ...(Object.keys(failed).length > 0 ? { failed } : {}),
      models:
        'generated ONNX models with random weights, of the plans of ResNet-18 (residual), MobileNetV2 (separable; narrow is its width 0.35), SqueezeNet 1.1 (squeezing) and AlexNet (dense)',
      ...setup,
      tookS: sinceS(),
    },
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
