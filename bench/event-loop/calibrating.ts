import { demonstrationFamilies } from '../../src/models/family-card';
import { sleep } from '../arms/closed-loop';
import { EmbeddedNodeRed } from '../arms/node-red';
import { gapLine } from './cause-figures';
import { ExplainedDelay, type ExplainedFigures } from './explained-delay';

/** What profiling, measuring co-locations and training did to the event loop of Node-RED. */
export interface CalibratingFigures {
  readonly calibrating: ExplainedFigures;
  /** Worst of each phase. */
  readonly maximumMsOf: Readonly<Record<string, number>>;
  /** The same timer in the same process before, at rest. */
  readonly idle: ExplainedFigures;
  readonly seconds: number;
}

const idleS = 15;
/** Models are loaded and first looked at until then. */
const settleS = 20;

function printGaps({ causes }: ExplainedFigures): void {
  for (const gap of causes.longest) process.stderr.write(`${gapLine(gap)}\n`);
}

/** A real Node-RED in this process calibrates its device, as the button does, on a machine that was never measured. */
export async function calibrateInNodeRed(coLocations: number): Promise<CalibratingFigures> {
  const nodeRed = await EmbeddedNodeRed.start({
    tenants: demonstrationFamilies.map((family) => ({ name: family, source: family })),
    estimator: true,
  });
  try {
    await sleep(settleS);
    const resting = new ExplainedDelay(() => 'idle');
    await sleep(idleS);
    const idle = resting.stop();
    printGaps(idle);
    const maximumMsOf: Record<string, number> = {};
    let phase = 'profiling';
    const beganMs = performance.now();
    const delay = new ExplainedDelay((delayMs) => {
      maximumMsOf[phase] = Math.max(maximumMsOf[phase] ?? 0, delayMs);
      return phase;
    });
    let calibrating: ExplainedFigures;
    try {
      await nodeRed.calibrate(coLocations, (status) => {
        if (status.phase !== phase) process.stderr.write(`${status.phase}: ${status.text}\n`);
        if (status.phase !== 'done') phase = status.phase;
      });
      // What the result brings about counts, too: another estimator for the planner, the report.
      phase = 'afterwards';
      await sleep(3);
    } finally {
      // A calibration may fail because of what held this process up as well.
      calibrating = delay.stop();
      printGaps(calibrating);
    }
    const seconds = (performance.now() - beganMs) / 1000;
    return { calibrating, maximumMsOf, idle, seconds };
  } finally {
    await nodeRed.stop();
  }
}
