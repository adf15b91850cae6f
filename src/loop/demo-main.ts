import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ProfileRunnerProcess } from '../inference/profile-runner';
import { ensureProfiles } from '../mapping/profiles/profiling';
import { ProfileStore } from '../mapping/profiles/store';
import { describeMachine } from '../power/describe-machine';
import { detectMachine } from '../power/detect';
import { createDevice } from '../power/device';
import { EcomapError, messageOf } from '../signals/errors';
import { demoPolicies, playDay, type DemoFigures } from './demo';
import { demoTable } from './demo-table';
import { demonstrationTenants } from './demo-tenants';

const usage = 'usage: npm run demo -- [--seconds 60] [--seed 1] [--json]';

interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  const seed = Number(values.seed);
  if (!(seconds >= 20 && seconds <= 86_400))
    throw new EcomapError('INVALID_CONFIG', `--seconds must be 20 to 86400; ${usage}`);
  if (!Number.isInteger(seed)) throw new EcomapError('INVALID_CONFIG', `--seed must be a whole number; ${usage}`);
  return { seconds, seed, json: values.json };
}

/** Profiles the models, then plays the same grid day once per policy, all within about the given time. */
async function demo({ seconds, seed, json }: Options): Promise<void> {
  const beganMs = Date.now();
  const say = (line: string) => {
    process.stderr.write(`${line}\n`);
  };
  const stateDirectory = await mkdtemp(join(tmpdir(), 'ecomap-demo-'));
  const device = createDevice(describeMachine(detectMachine()));
  const runner = new ProfileRunnerProcess();
  try {
    const tenants = demonstrationTenants();
    const { description } = device;
    say(
      `${description.label}: ${device.components.map(({ name }) => name).join(', ')}; power is modelled: ${description.powerMethod}`,
    );
    const profiles = await ensureProfiles({
      device,
      tenants,
      runner,
      store: new ProfileStore({ directory: join(stateDirectory, 'profiles'), warn: say }),
      warn: say,
      onProgress: ({ done, total, what }) => {
        say(`profiling ${done}/${total}: ${what}`);
      },
    });
    await runner.close();
    // Starting and stopping a policy takes about two seconds each.
    const left = seconds - (Date.now() - beganMs) / 1000 - 4;
    const dayS = Math.max(6, left / demoPolicies.length);
    const days: DemoFigures[] = [];
    for (const policy of demoPolicies) {
      say(`${policy}: a grid day in ${dayS.toFixed(0)} s`);
      days.push(await playDay(policy, dayS, { device, tenants, profiles, stateDirectory, seed, say }));
    }
    if (json) {
      const requests = Object.fromEntries(
        tenants.map(({ name }) => [name, days.reduce((sum, day) => sum + (day.requests[name] ?? 0), 0)]),
      );
      console.log(JSON.stringify({ demo: { policies: days, requests } }));
    } else console.log(demoTable(days));
  } finally {
    await runner.close();
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
