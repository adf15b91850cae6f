import { systemClock, type Clock } from '../clock';
import type { Machine } from '../machine/machine';
import type { PowerSample, PowerSensor, SensorFinding } from './sensor';
import { openNvidiaSmi } from './sensors/nvidia-smi';
import { PiPmicSensor } from './sensors/pi-pmic';
import { openRapl } from './sensors/rapl';
import { deniedWords, openRailSensor } from './sensors/rail-sensor';
import type { StreamedSensor } from './sensors/streamed-sensor';
import { summedSensor } from './sensors/summed-sensor';
import { openTegrastats } from './sensors/tegrastats';

export interface SensorsFound {
  /** Each has given a sample with a number. The best is first; whoever gets them closes them. */
  readonly sensors: readonly PowerSensor[];
  readonly findings: readonly SensorFinding[];
}

interface Search {
  readonly sensors: PowerSensor[];
  readonly findings: SensorFinding[];
}

/** Time for an energy counter to move, ms. */
const counterWaitMs = 100;
const permit = 'install the permission rules that come with the package (folder recipe/)';

/**
 * The power sensors of a machine, the best first: those of the whole module before those of the processor, files before
 * programs. Each is proven by a real sample; what is missing or may not be read is told with what would help.
 */
export async function findSensors(machine: Machine, clock: Clock = systemClock): Promise<SensorsFound> {
  const isJetson = await looksLikeJetson(machine);
  // One after the other: each may start a program, which stops this process for some milliseconds.
  const parts = [
    await findJetsonSensors(machine, isJetson, clock),
    await findPiSensor(machine, clock),
    await findProcessorSensors(machine, isJetson, clock),
  ];
  return {
    sensors: parts.flatMap(({ sensors }) => sensors),
    findings: parts.flatMap(({ findings }) => findings),
  };
}

const found = (name: string, text: string): SensorFinding => ({ name, found: true, text });
const missing = (name: string, text: string): SensorFinding => ({ name, found: false, text });

function describeSample({ powerW, rails }: PowerSample): string {
  const troubled = rails.filter(({ problem }) => problem !== null).map(({ name, problem }) => `${name} ${problem}`);
  const now = powerW === null ? '' : `, ${powerW.toFixed(1)} W now`;
  return `${now}${troubled.length === 0 ? '' : ` (${troubled.join('; ')})`}`;
}

/** Takes a sensor up when its sample has a number, else closes it and says why. */
async function prove(sensor: PowerSensor, { sensors, findings }: Search): Promise<boolean> {
  const sample = await sensor.sample();
  if (sample.powerW !== null || sample.energyJ !== null) {
    sensors.push(sensor);
    findings.push(found(sensor.name, `${sensor.method}${describeSample(sample)}`));
    return true;
  }
  await sensor.close();
  const why = sample.rails.length === 0 ? '' : `: it has ${sample.rails.map(({ name }) => name).join(', ')}`;
  const help = sample.rails.some(({ problem }) => problem === deniedWords) ? `: ${permit}` : '';
  findings.push(missing(sensor.name, `${sensor.method} gives no total${why}${describeSample(sample)}${help}`));
  return false;
}

async function looksLikeJetson({ files }: Machine): Promise<boolean> {
  try {
    return /nvidia,tegra/.test((await files.readIfThere('/proc/device-tree/compatible')) ?? '');
  } catch {
    return false;
  }
}

async function findJetsonSensors(machine: Machine, isJetson: boolean, clock: Clock): Promise<Search> {
  const search: Search = { sensors: [], findings: [] };
  const { sensor, denied } = await openRailSensor(machine.files, clock);
  if (denied.length > 0) {
    const text = `the power monitors at ${denied.join(', ')} may not be read by this process: ${permit}`;
    search.findings.push(missing('ina3221', text));
  }
  if (sensor !== null && (await prove(sensor, search))) return search;
  if (sensor === null && denied.length === 0) {
    const hint = isJetson ? ' (a Jetson Nano 2GB has none; elsewhere it may come late after a start)' : '';
    search.findings.push(missing('ina3221', `no power monitor (INA3221, INA238) under /sys${hint}`));
  }
  const tegrastats = openTegrastats(machine.programs, clock);
  await findStreamed(tegrastats, 'tegrastats', search);
  return search;
}

async function findStreamed(sensor: StreamedSensor, program: string, search: Search): Promise<void> {
  await sensor.settle();
  if (sensor.problem === null) {
    await prove(sensor, search);
    return;
  }
  const problem = sensor.missing ? `there is no ${program} on this machine` : sensor.problem;
  await sensor.close();
  search.findings.push(missing(sensor.name, problem));
}

async function findPiSensor(machine: Machine, clock: Clock): Promise<Search> {
  const search: Search = { sensors: [], findings: [] };
  const sensor = new PiPmicSensor(machine.programs, clock);
  const { powerW } = await sensor.sample();
  if (powerW !== null) {
    await prove(sensor, search);
    return search;
  }
  const words = sensor.lastWords.slice(0, 200);
  if (sensor.missing) search.findings.push(missing('pi-pmic', 'there is no vcgencmd on this machine'));
  else if (/vcio|VCHI|denied/i.test(words)) {
    const text = `vcgencmd may not ask the firmware (${words}): add the user that runs Node-RED to the group "video"`;
    search.findings.push(missing('pi-pmic', text));
  } else {
    const text = `vcgencmd gives no currents, which only a Raspberry Pi 5 can${words === '' ? '' : ` (${words})`}`;
    search.findings.push(missing('pi-pmic', text));
  }
  return search;
}

/** Processor packages and GPUs see different parts of one computer: together they are its best sensor. */
async function findProcessorSensors(machine: Machine, isJetson: boolean, clock: Clock): Promise<Search> {
  const packages: Search = { sensors: [], findings: [] };
  const gpus: Search = { sensors: [], findings: [] };
  await Promise.all([
    findRaplSensor(machine, packages, clock),
    // A Jetson has the tool without the power.
    isJetson ? Promise.resolve() : findStreamed(openNvidiaSmi(machine.programs, clock), 'nvidia-smi', gpus),
  ]);
  const [rapl] = packages.sensors;
  const [gpu] = gpus.sensors;
  const findings = [...packages.findings, ...gpus.findings];
  if (rapl === undefined || gpu === undefined) return { sensors: [...packages.sensors, ...gpus.sensors], findings };
  return { sensors: [summedSensor([rapl, gpu])], findings };
}

async function findRaplSensor(machine: Machine, search: Search, clock: Clock): Promise<void> {
  const rapl = await openRapl(machine.files, clock);
  if (rapl.denied) {
    const text = `the processor's energy counters may be read by root only (since Linux 5.10, because they leak secrets): ${permit}`;
    search.findings.push(missing('rapl', text));
  } else if (rapl.sensor === null) {
    const text = rapl.found
      ? 'the energy counters under /sys/class/powercap cannot be read'
      : 'no energy counters (RAPL) under /sys/class/powercap: most virtual machines and Arm boards have none';
    search.findings.push(missing('rapl', text));
  } else if (await rapl.sensor.prove(counterWaitMs)) {
    await prove(rapl.sensor, search);
  } else {
    await rapl.sensor.close();
    search.findings.push(missing('rapl', 'the energy counters are there but stand still, as in some virtual machines'));
  }
}
