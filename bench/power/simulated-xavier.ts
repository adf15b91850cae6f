import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findJetsonActuators } from '../../src/power/actuators/find-jetson-actuators';
import { SoftwareActuator } from '../../src/power/actuators/software';
import { ClosedLoopMeans } from '../../src/power/caps/closed-loop-means';
import { offerHardware } from '../../src/power/caps/hardware';
import type { Clock } from '../../src/power/clock';
import { machineAt } from '../../src/power/machine/machine';
import { SampledMeter } from '../../src/power/meters/sampled-meter';
import { openRailSensor } from '../../src/power/meters/sensors/rail-sensor';
import { openMachineChanges } from '../../src/power/safety/machine-changes';
import { fullLoadW, type Component, type OperatingPoint, type ThrottleTarget } from '../../src/signals/device';
import { createDeviceTree, SimulatedBoard } from '../../src/simulation/devices';
import type { TraceSecond } from './trace';

/** How much the work asks of the device. */
export interface Load {
  /** Share of time that there is something to compute, 0 to 1, at a second of simulated time. */
  readonly demand: (atS: number) => number;
  /** How hard the work drives the GPU, relative to what the power law was fitted to. */
  readonly weight: number;
}

const components: readonly Component[] = [
  { name: 'gpu', kind: 'gpu', cores: [], threads: 1, componentClass: 'gpu' },
  // One core feeds the GPU.
  { name: 'cpu', kind: 'cpu', cores: [0], threads: 1, componentClass: 'cpu-1t' },
];
const sampleMs = 200;

/**
 * A simulated AGX Xavier (JetPack 5, MAXN) as a file tree under the closed loop, in simulated time: the INA3221 meter and the
 * clocks actuator are the real ones and read and write its files.
 */
export class SimulatedXavier {
  load: Load = { demand: () => 1, weight: 1 };
  hardwareChanges = 0;
  private capW = Number.POSITIVE_INFINITY;
  private inForce: OperatingPoint;

  private constructor(
    private readonly folder: string,
    private readonly board: SimulatedBoard,
    readonly meter: SampledMeter,
    readonly sensorMethod: string,
    private readonly means: ClosedLoopMeans,
    onChange: { listener: (point: OperatingPoint) => void },
    private readonly time: { nowMs: number },
  ) {
    this.inForce = means.points[0];
    onChange.listener = (point) => {
      if (point.name.split(', ').slice(0, 2).join() !== this.inForce.name.split(', ').slice(0, 2).join())
        this.hardwareChanges += 1;
      this.inForce = point;
    };
  }

  static async create(seed: number): Promise<SimulatedXavier> {
    const folder = await mkdtemp(join(tmpdir(), 'ecomap-xavier-'));
    const tree = createDeviceTree(join(folder, 'root'), { board: 'agx-xavier', jetPack: 5, mode: 'MAXN' });
    const board = new SimulatedBoard(tree, { seed, noise: 0.02 });
    const machine = machineAt(tree.root, tree.programFolder);
    const time = { nowMs: 1000 };
    const clock: Clock = { monotonicMs: () => time.nowMs };
    const { sensor } = await openRailSensor(machine.files, clock);
    if (sensor === null) throw new Error('the simulated device has no power monitor');
    const changes = openMachineChanges({
      machine,
      stateDirectory: folder,
      dryRun: false,
      clock,
      owner: 'the benchmark',
    });
    const found = await findJetsonActuators(machine, changes);
    const { actuator, points } = await offerHardware(found, 'clocks', {
      board: 'Jetson AGX Xavier',
      components,
      figures: { idleW: 6, fullLoadW: 30 },
    });
    const meter = new SampledMeter({ sensor, clock, initialPoint: points[0] });
    const paced = { share: 1 };
    const host: ThrottleTarget = {
      component: 'gpu',
      pid: 1,
      cpuSeconds: () => 0,
      pace: (share) => Promise.resolve((paced.share = share)),
    };
    const onChange = { listener: (_point: OperatingPoint): void => undefined };
    const means = new ClosedLoopMeans({
      points,
      hardware: actuator,
      pauses: new SoftwareActuator(components, new Set([host]), null),
      meter,
      clock,
      guardBand: null,
      onChange: (point) => onChange.listener(point),
      undo: () => changes.restore(),
      intervalMs: 0,
    });
    const xavier = new SimulatedXavier(folder, board, meter, sensor.method, means, onChange, time);
    board.setWorkload((atMs) => {
      const busy = Math.min(xavier.load.demand(atMs / 1000), paced.share);
      return { gpu: busy, gpuIntensity: xavier.load.weight, cpuCores: busy };
    });
    return xavier;
  }

  get atS(): number {
    return this.board.now.atMs / 1000;
  }

  get setting(): string {
    return this.inForce.name;
  }

  async cap(capW: number): Promise<void> {
    this.capW = capW;
    this.inForce = (await this.means.hold(capW)).operatingPoint;
  }

  /** Lets time pass; tells each second. */
  async run(seconds: number): Promise<TraceSecond[]> {
    const trace: TraceSecond[] = [];
    for (let second = 0; second < seconds; second += 1) {
      const { energyJ } = this.board.now;
      const atS = this.atS;
      for (let sample = 0; sample < 1000 / sampleMs; sample += 1) {
        this.board.advance(sampleMs);
        this.time.nowMs += sampleMs;
        await this.meter.ask();
        await this.means.step();
      }
      const powerW = this.board.now.energyJ - energyJ;
      trace.push({ atS, powerW, capW: this.capW, commandedW: fullLoadW(this.inForce) });
    }
    return trace;
  }

  async close(): Promise<void> {
    await this.means.release();
    await this.meter.close();
    this.board.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
