// The loop on this machine's real tenants: grid days played fast under live traffic, the policies in turn within one run.
//   npm run bench -- loop-real                              about ten minutes
//   npm run bench -- loop-real --zone varying --seconds 40  longer days of one zone
//   npm run bench -- loop-real --quick                      two minutes: to see that it works
// --rounds: days of each zone under each policy; --zone: simulated, varying, flat, or a recorded zone such as carbonx-2021/DE, several with
// commas; --seed: order of the policies and arrivals; --load: times the requests; --sensors: looks for power sensors, and without one
// counts what other programs do, too.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { playDay } from '../src/loop/demo';
import { profiledTenants } from '../src/loop/demo-preparation';
import { demonstrationTenants } from '../src/loop/demo-tenants';
import { ProfileStore } from '../src/mapping/profiles/store';
import { describeMachine } from '../src/power/describe-machine';
import { detectMachine } from '../src/power/detect';
import { createDevice } from '../src/power/device';
import { thisMachine } from '../src/power/machine/machine';
import { fullLoadW } from '../src/signals/device';
import { comparedWith, type PlayedDay } from './loop-real/comparison';
import { EqualEnergyCap } from './loop-real/equal-energy-cap';
import { loopRealOptions, type LoopRealOptions } from './loop-real/options';
import { comparedPolicies, constantCap, ours, oursLinear, published } from './loop-real/policies';
import { reportOf } from './loop-real/report';
import { playOrder } from './loop-real/rounds';
import { dayTable, zoneTable } from './loop-real/tables';
import { playedZones } from './loop-real/zones';
import { printReport } from './report';

async function main({ rounds, seconds, seed, zones: wanted, load, sensors }: LoopRealOptions): Promise<void> {
  const beganMs = performance.now();
  const sinceS = (): number => Math.round((performance.now() - beganMs) / 1000);
  const say = (line: string): void => void process.stderr.write(`${String(sinceS()).padStart(4)} s  ${line}\n`);
  const { zones, skipped } = playedZones(wanted);
  for (const reason of skipped) say(`skipped ${reason}`);
  const [firstZone] = zones;
  if (firstZone === undefined) throw new Error('no zone is left to play');
  const stateDirectory = await mkdtemp(join(tmpdir(), 'ecomap-loop-real-'));
  const device = createDevice(describeMachine(detectMachine()), sensors ? { machine: thisMachine } : {});
  try {
    const tenants = demonstrationTenants().map((tenant) => ({
      ...tenant,
      arrivalRatePerS: tenant.arrivalRatePerS * load,
    }));
    const store = new ProfileStore({ directory: join(stateDirectory, 'profiles'), warn: say });
    const profiles = await profiledTenants({ device, tenants, store, stateDirectory, say });
    const levelsW = device.operatingPoints.map(fullLoadW);
    const caps = new Map(zones.map(({ name }) => [name, new EqualEnergyCap(levelsW)]));
    const around = { device, tenants, profiles, stateDirectory, say };

    say(`warming up: a day of ${oursLinear.name}, not counted`);
    const warmUp = await playDay(oursLinear, seconds, { ...around, grid: firstZone.grid, seed });
    for (const cap of caps.values()) cap.follow(warmUp);

    const order = playOrder(
      comparedPolicies.map(({ name }) => name),
      zones.map(({ name }) => name),
      rounds,
      seed,
    );
    const days: PlayedDay[] = [];
    for (const [index, { zone: zoneName, round, policies }] of order.entries()) {
      const zone = zones.find(({ name }) => name === zoneName);
      const cap = caps.get(zoneName);
      if (zone === undefined || cap === undefined) continue;
      say(`round ${index + 1} of ${order.length}, ${zoneName}: ${policies.join(', ')}`);
      for (const name of policies) {
        const policy = comparedPolicies.find((known) => known.name === name);
        if (policy === undefined) continue;
        const used = policy === constantCap ? { ...policy, cap: () => cap.config } : policy;
        const figures = await playDay(used, seconds, { ...around, grid: zone.grid, seed: seed + index });
        days.push({ zone: zoneName, round, figures });
        if (policy === oursLinear) cap.follow(figures);
        if (policy === constantCap) cap.tried(figures);
      }
    }
    const compared = comparedWith(days, comparedPolicies, seed);
    for (const line of dayTable(compared, { rounds: order.length, seconds })) console.log(line);
    for (const line of zoneTable(days, comparedPolicies)) console.log(line);
    const { method } = device.openReader().readEnergy();
    console.log(`\n${method}\n`);
    printReport({
      bench: 'loop-real',
      ...reportOf(
        compared,
        days,
        { ours, oursLinear, constantCap, published },
        {
          ...{ rounds, seconds, seed, load, zones, skipped, order, tenants, method },
          components: device.components.map(({ name }) => name),
          tookS: sinceS(),
        },
      ),
    });
  } finally {
    await device.close();
    await rm(stateDirectory, { recursive: true, force: true });
  }
}

Promise.resolve()
  .then(() => main(loopRealOptions(process.argv.slice(2))))
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
