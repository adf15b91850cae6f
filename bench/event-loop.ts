// The delay of Node-RED's event loop while the heaviest variants run flat out: once through the executor's hosts, once with the
// same models run inside the process, as a node that calls onnxruntime directly would; and while plans are made without a pause; with
// `--calibrate 60`, instead of all that, while the device is calibrated by so many co-locations.
import { parseArgs } from 'node:util';
import { ArmProcess } from './arms/arm-process';
import { serveArm } from './arms/serve-arm';
import { causeFigures, causesMethod } from './event-loop/cause-figures';
import { calibrateInNodeRed } from './event-loop/calibrating';
import { parseCoLocations } from './event-loop/co-locations';
import { runInProcess } from './event-loop/in-process';
import { runInNodeRed } from './event-loop/node-red';
import type { ArmFigures } from './event-loop/arm';
import { planWithoutPause } from './event-loop/planning';
import { printReport, rounded } from './report';

interface Methods {
  run(seconds: number): Promise<ArmFigures>;
}
const arms: Record<string, Methods> = { hosts: { run: runInNodeRed }, 'in-process': { run: runInProcess } };

/** Each arm in a process of its own, so that neither inherits the other's threads or memory. */
async function runArm(name: string, seconds: number): Promise<ArmFigures> {
  process.stderr.write(`${name}: ${seconds} s at full load\n`);
  const arm = await ArmProcess.start<Methods>(name, null);
  const figures = await arm.call('run', seconds);
  await arm.close();
  return figures;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arm: { type: 'string' },
      seconds: { type: 'string', default: '15' },
      calibrate: { type: 'string' },
    },
  });
  const seconds = Number(values.seconds);
  if (values.arm !== undefined) {
    const methods = arms[values.arm];
    if (methods === undefined) throw new Error(`there is no arm "${values.arm}"`);
    return serveArm(async () => ({ methods, close: async () => undefined }));
  }
  if (values.calibrate !== undefined) return reportCalibrating(parseCoLocations(values.calibrate));
  const hosts = await runArm('hosts', seconds);
  const inProcess = await runArm('in-process', seconds);
  process.stderr.write(`planning: ${seconds} s without a pause\n`);
  const planning = await planWithoutPause(seconds);
  printReport({
    bench: 'event-loop',
    figures: {
      eventLoopP99Ms: rounded(hosts.p99Ms),
      eventLoopGain: rounded(inProcess.p99Ms / hosts.p99Ms, 1),
      eventLoopP50Ms: rounded(hosts.p50Ms),
      inProcessP50Ms: rounded(inProcess.p50Ms),
      inProcessP99Ms: rounded(inProcess.p99Ms),
      throughputPerS: rounded(hosts.inferences / hosts.seconds, 1),
      inProcessThroughputPerS: rounded(inProcess.inferences / inProcess.seconds, 1),
      planningLoopDelayMaxMs: rounded(planning.maximumMs),
      planningLoopDelayP99Ms: rounded(planning.p99Ms),
      idleLoopDelayMaxMs: rounded(planning.idleMaximumMs),
      idleLoopDelayP99Ms: rounded(planning.idleP99Ms),
      planningRoundMs: rounded(planning.roundMs, 1),
    },
    setup: {
      seconds,
      variants: hosts.variants,
      inFlightPerTenant: hosts.inFlightPerTenant,
      samples: { hosts: hosts.samples, inProcess: inProcess.samples, planning: planning.samples },
      planning: { tenants: 12, variantsEach: 4, components: 4, rounds: planning.rounds, estimator: planning.estimator },
      method: 'lateness of a 2 ms timer in the process that runs Node-RED; all tenants closed loop',
    },
  });
}

async function reportCalibrating(coLocations: number): Promise<void> {
  process.stderr.write(`calibrating by ${coLocations} co-locations\n`);
  const { calibrating, maximumMsOf, idle, seconds } = await calibrateInNodeRed(coLocations);
  printReport({
    bench: 'event-loop',
    figures: {
      calibratingLoopDelayMaxMs: rounded(calibrating.maximumMs),
      calibratingLoopDelayP99Ms: rounded(calibrating.p99Ms),
      ...Object.fromEntries(Object.entries(maximumMsOf).map(([phase, ms]) => [`${phase}LoopDelayMaxMs`, rounded(ms)])),
      idleLoopDelayMaxMs: rounded(idle.maximumMs),
      idleLoopDelayP99Ms: rounded(idle.p99Ms),
      ...causeFigures('calibrating', calibrating),
      ...causeFigures('idle', idle),
    },
    setup: {
      coLocations,
      seconds: rounded(seconds, 0),
      samples: calibrating.samples,
      method:
        'lateness of a 2 ms timer in the process that runs Node-RED, which measures this machine for the first time',
      causes: calibrating.causesMissing ?? causesMethod,
      kernelReadingUs: rounded(calibrating.readingUs, 0),
    },
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
