import { demonstrationFamilies } from '../../src/models/family-card';
import { sleep } from '../arms/closed-loop';
import { EmbeddedNodeRed } from '../arms/node-red';
import { EventLoopDelay } from './delay';

/** What profiling, measuring co-locations and training did to the event loop of Node-RED. */
export interface CalibratingFigures {
  readonly samples: number;
  readonly p99Ms: number;
  readonly maximumMs: number;
  /** Worst of each phase. */
  readonly maximumMsOf: Readonly<Record<string, number>>;
  /** The same timer in the same process before, at rest. */
  readonly idleP99Ms: number;
  readonly idleMaximumMs: number;
  readonly seconds: number;
}

const idleS = 15;
/** Models are loaded and first looked at until then. */
const settleS = 20;

/** A real Node-RED in this process calibrates its device, as the button does, on a machine that was never measured. */
export async function calibrateInNodeRed(coLocations: number): Promise<CalibratingFigures> {
  const nodeRed = await EmbeddedNodeRed.start({
    tenants: demonstrationFamilies.map((family) => ({ name: family, source: family })),
    estimator: true,
  });
  try {
    await sleep(settleS);
    const idle = new EventLoopDelay();
    idle.start();
    await sleep(idleS);
    const { p99Ms: idleP99Ms, maximumMs: idleMaximumMs } = idle.stop();
    const maximumMsOf: Record<string, number> = {};
    let phase = 'profiling';
    const delay = new EventLoopDelay((delayMs) => {
      maximumMsOf[phase] = Math.max(maximumMsOf[phase] ?? 0, delayMs);
    });
    const beganMs = performance.now();
    delay.start();
    await nodeRed.calibrate(coLocations, (status) => {
      if (status.phase !== phase) process.stderr.write(`${status.phase}: ${status.text}\n`);
      if (status.phase !== 'done') phase = status.phase;
    });
    // What the result brings about counts, too: another estimator for the planner, the report.
    phase = 'afterwards';
    await sleep(3);
    const { samples, p99Ms, maximumMs } = delay.stop();
    const seconds = (performance.now() - beganMs) / 1000;
    return { samples, p99Ms, maximumMs, maximumMsOf, idleP99Ms, idleMaximumMs, seconds };
  } finally {
    await nodeRed.stop();
  }
}
