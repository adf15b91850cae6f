import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ProfileStore } from '../mapping/profiles/store';
import { describeMachine } from '../power/describe-machine';
import { detectMachine } from '../power/detect';
import { createDevice } from '../power/device';
import { EcomapError, messageOf } from '../signals/errors';
import { alwaysMax, calibrated, ecomap } from './day-policy';
import type { DayFigures } from './day-watch';
import { playDay } from './demo';
import { calibrateForDemo, calibrationLine, type DemoCalibration } from './demo-calibration';
import { profiledTenants } from './demo-preparation';
import { demoTable } from './demo-table';
import { demonstrationTenants } from './demo-tenants';

const usage = 'usage: npm run demo -- [--seconds 60] [--seed 1] [--calibrate 160] [--json]';

interface Options {
  readonly seconds: number;
  readonly seed: number;
  /** Co-locations to measure before another day; 0: none. */
  readonly calibrate: number;
  readonly json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      calibrate: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  const seed = Number(values.seed);
  if (!(seconds >= 20 && seconds <= 86_400))
    throw new EcomapError('INVALID_CONFIG', `--seconds must be 20 to 86400; ${usage}`);
  if (!Number.isInteger(seed)) throw new EcomapError('INVALID_CONFIG', `--seed must be a whole number; ${usage}`);
  const calibrate = Number(values.calibrate);
  if (calibrate !== 0 && !(Number.isInteger(calibrate) && calibrate >= 40 && calibrate <= 1000))
    throw new EcomapError('INVALID_CONFIG', `--calibrate must be 40 to 1000 co-locations; ${usage}`);
  return { seconds, seed, calibrate, json: values.json };
}

/**
 * Profiles the models, then plays the same grid day once per policy, all within about the given time. With `calibrate` the estimator
 * then learns this machine (that takes as long as it takes), and the day is played once more.
 */
async function demo({ seconds, seed, calibrate, json }: Options): Promise<void> {
  const beganMs = Date.now();
  const say = (line: string) => {
    process.stderr.write(`${line}\n`);
  };
  const stateDirectory = await mkdtemp(join(tmpdir(), 'ecomap-demo-'));
  const device = createDevice(describeMachine(detectMachine()));
  try {
    const tenants = demonstrationTenants();
    const { description } = device;
    say(
      `${description.label}: ${device.components.map(({ name }) => name).join(', ')}; power is modelled: ${description.powerMethod}`,
    );
    const store = new ProfileStore({ directory: join(stateDirectory, 'profiles'), warn: say });
    const profiles = await profiledTenants({ device, tenants, store, stateDirectory, say });
    // Starting and stopping a policy takes about two seconds each.
    const left = seconds - (Date.now() - beganMs) / 1000 - 4;
    const policies = calibrate > 0 ? [alwaysMax, ecomap, calibrated] : [alwaysMax, ecomap];
    const dayS = Math.max(6, left / policies.length);
    const days: DayFigures[] = [];
    let learned: DemoCalibration | null = null;
    for (const policy of policies) {
      if (policy === calibrated) {
        learned = await calibrateForDemo({
          ...{ device, tenants, profiles, store, stateDirectory, seed, say },
          samples: calibrate,
        });
        say(calibrationLine(learned));
      }
      say(`${policy.name}: a grid day in ${dayS.toFixed(0)} s`);
      const around = { device, tenants, profiles, stateDirectory, seed, say };
      days.push(await playDay(policy, dayS, { ...around, ...(learned && { estimator: learned.estimator }) }));
    }
    if (json) {
      const requests = Object.fromEntries(
        tenants.map(({ name }) => [name, days.reduce((sum, day) => sum + (day.requests[name] ?? 0), 0)]),
      );
      const { points: _, ...summary } = learned?.summary ?? { points: [] };
      const calibration = learned === null ? null : { ...summary, loopDelayMs: learned.loopDelayMs };
      console.log(JSON.stringify({ demo: { policies: days, requests, calibration } }));
    } else {
      console.log(demoTable(days));
      if (learned !== null) console.log(calibrationLine(learned));
    }
  } finally {
    await device.close();
    await rm(stateDirectory, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  try {
    await demo(readOptions());
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

void main();
