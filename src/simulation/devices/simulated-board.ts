import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../random';
import type { BoardRail, ClockState } from './boards/board';
import { BoardFiles } from './board-files';
import { Faults } from './faults';
import {
  idleActivity,
  possible,
  powerParts,
  totalW,
  type Activity,
  type PowerLaw,
  type PowerParts,
} from './model/power-law';
import { powerLaws } from './model/power-laws';
import type { DeviceTree } from './tree/device-tree';
import { cpuFolder, firstCores, policyFolder, simulationFolder } from './tree/layout';
import { temperatureFor } from './tree/sensor-files';

/** What the device has to do: always the same, or for the clocks in force at a time (ms since the board was made). */
export type Workload = Partial<Activity> | ((atMs: number, clocks: ClockState) => Partial<Activity>);

export interface SimulatedBoardOptions {
  readonly seed?: number;
  /** Standard deviation of each rail's readings, relative. */
  readonly noise?: number;
  /** Longest step by which time passes, ms: the sensors' values are means over it. */
  readonly stepMs?: number;
  readonly ambientC?: number;
}

/** What the board did in the last step. */
export interface BoardState {
  readonly atMs: number;
  readonly clocks: ClockState;
  readonly activity: Activity;
  /** True power of the module, without the sensors' noise and rounding, W. */
  readonly powerW: number;
  readonly parts: PowerParts;
  /** True energy since the board was made, J. */
  readonly energyJ: number;
  readonly temperatureC: number;
}

const defaults = { seed: 1, noise: 0.01, stepMs: 50, ambientC: 25 } as const;

/** Least difference that the sensor tells: 40 uV across 5 mOhm. */
const currentStepMa = 8;

/** Assumption: 1.4 K per watt, a minute to warm up; a soak at about 18 W ended at 50 C (public measurement log). */
const thermal = { kelvinPerW: 1.4, seconds: 60 } as const;

/**
 * Brings a device tree to life: as time passes it reads the settings in the tree, does its work at these clocks, and writes
 * what the sensors, clocks, loads and temperatures of the device would say. Same seed, same settings, same readings.
 */
export class SimulatedBoard {
  readonly faults: Faults;
  private readonly files: BoardFiles;
  private readonly random: Random;
  private readonly options: Required<SimulatedBoardOptions>;
  private readonly law: PowerLaw;
  private readonly zones: readonly string[];
  private readonly ticks: { busy: number; idle: number }[];
  private workload: Workload = idleActivity;
  private timer: NodeJS.Timeout | null = null;
  private state: BoardState;

  constructor(
    readonly tree: DeviceTree,
    options: SimulatedBoardOptions = {},
  ) {
    this.options = { ...defaults, ...options };
    this.random = new Random(this.options.seed);
    this.files = new BoardFiles(tree);
    this.faults = new Faults(tree, this.files);
    this.ticks = Array.from({ length: tree.board.cpu.cores }, () => ({ busy: 0, idle: 0 }));
    this.law = powerLaws[tree.board.name];
    const { clocks, coresOn } = this.files.readSettings();
    const parts = powerParts(this.law, clocks);
    this.state = {
      atMs: 0,
      clocks,
      activity: idleActivity,
      powerW: totalW(parts),
      parts,
      energyJ: 0,
      temperatureC: this.options.ambientC + thermal.kelvinPerW * totalW(parts),
    };
    this.zones = this.files.readTexts('/sys/class/thermal', 'thermal_zone', 'type');
    this.writeSensors(coresOn);
  }

  get now(): BoardState {
    return this.state;
  }

  /** How often nvpmodel has rebooted the device. */
  get reboots(): number {
    const path = join(this.tree.root, simulationFolder, 'reboots');
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
  }

  setWorkload(workload: Workload): void {
    this.workload = workload;
  }

  /**
   * Lets time pass. Settings that others wrote meanwhile hold from its beginning.
   * @returns the state at its end
   */
  advance(ms: number): BoardState {
    const { clocks, coresOn } = this.files.readSettings();
    const endMs = this.state.atMs + Math.max(0, ms);
    while (endMs - this.state.atMs > 1e-6) this.step(Math.min(this.options.stepMs, endMs - this.state.atMs), clocks);
    this.writeSensors(coresOn);
    return this.state;
  }

  /** Lets real time pass, in steps of `everyMs`, until `stop`. The timer keeps no process alive. */
  start(everyMs = 100): void {
    this.stop();
    let lastMs = performance.now();
    this.timer = setInterval(() => {
      const nowMs = performance.now();
      this.advance(nowMs - lastMs);
      lastMs = nowMs;
    }, everyMs);
    this.timer.unref();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** Counts over-current events as the kernel does; nothing happens on JetPack 4, which has no such counter. */
  countOverCurrent(kind: 'oc1' | 'oc2' | 'oc3', times = 1): void {
    const folder = this.tree.layout.overCurrent;
    if (folder === null) return;
    const path = `${folder}/${kind}_event_cnt`;
    this.files.write(path, String((this.files.readNumber(path) ?? 0) + times));
  }

  /** Says that the GPU or the CPU is throttled by heat now. */
  setThrottled(throttled: boolean): void {
    for (const device of [0, 1])
      this.files.write(`/sys/class/thermal/cooling_device${device}/cur_state`, throttled ? '1' : '0');
  }

  /** Ends the timer and closes the files; the tree stays. */
  close(): void {
    this.stop();
    this.files.close();
  }

  private step(ms: number, clocks: ClockState): void {
    const atMs = this.state.atMs + ms;
    const asked = typeof this.workload === 'function' ? this.workload(atMs, clocks) : this.workload;
    const activity = possible(asked, clocks.cores, this.tree.board.dla.count);
    const parts = powerParts(this.law, clocks, activity);
    const powerW = totalW(parts);
    const settledC = this.options.ambientC + thermal.kelvinPerW * powerW;
    const share = 1 - Math.exp(-ms / 1000 / thermal.seconds);
    this.state = {
      atMs,
      clocks,
      activity,
      powerW,
      parts,
      energyJ: this.state.energyJ + (powerW * ms) / 1000,
      temperatureC: this.state.temperatureC + share * (settledC - this.state.temperatureC),
    };
    this.countTicks(ms, activity.cpuCores, clocks.cores);
  }

  /** Time of the cores in hundredths of a second, as in /proc/stat; the work spreads evenly over the cores that are on. */
  private countTicks(ms: number, busyCores: number, cores: number): void {
    const busy = (ms / 10) * (busyCores / cores);
    this.ticks.forEach((tick, core) => {
      if (core >= cores) return;
      tick.busy += busy;
      tick.idle += ms / 10 - busy;
    });
  }

  private writeSensors(coresOn: readonly number[]): void {
    this.writeRails();
    this.writeClocks();
    this.zones.forEach((type, zone) => {
      const temperature = temperatureFor(type, this.state.temperatureC);
      this.files.write(`/sys/class/thermal/thermal_zone${zone}/temp`, String(temperature));
    });
    const line = (name: string, busy: number, idle: number): string =>
      `${name} ${Math.round(busy)} 0 0 ${Math.round(idle)} 0 0 0 0 0 0`;
    const all = this.ticks.reduce((sum, tick) => ({ busy: sum.busy + tick.busy, idle: sum.idle + tick.idle }));
    const cores = coresOn.map((core) => line(`cpu${core}`, this.ticks[core]?.busy ?? 0, this.ticks[core]?.idle ?? 0));
    this.files.write('/proc/stat', [line('cpu ', all.busy, all.idle), ...cores].join('\n'));
    this.files.write(`${cpuFolder}/online`, rangesOf(coresOn));
  }

  private writeRails(): void {
    this.tree.board.monitors.forEach((monitor, index) => {
      monitor.rails.forEach((rail, channel) => {
        const files = this.tree.layout.monitors[index]?.rails[channel];
        if (files === undefined || rail.supplyMv === 0) return;
        const { milliamperes, millivolts } = this.reading(rail);
        const set = (path: string | null, value: number): void => {
          if (path !== null && !this.faults.frozen.has(path)) this.files.write(path, String(Math.round(value)));
        };
        set(files.voltageFile, millivolts);
        set(files.currentFile, milliamperes);
        set(files.powerFile, (milliamperes * millivolts) / 1000);
      });
    });
  }

  private reading(rail: BoardRail): { milliamperes: number; millivolts: number } {
    const { parts } = this.state;
    const { shares } = rail;
    const watts = shares.base * parts.base + shares.gpu * parts.gpu + shares.cpu * parts.cpu + shares.dla * parts.dla;
    // The voltage gives way a little under load; it comes in steps of 8 mV.
    const millivolts = Math.round((rail.supplyMv * (1 - 0.0005 * watts)) / 8) * 8;
    const noisy = watts * (1 + this.options.noise * this.random.normal());
    const milliamperes = Math.max(0, Math.round((noisy * 1e6) / millivolts / currentStepMa) * currentStepMa);
    return { milliamperes, millivolts };
  }

  private writeClocks(): void {
    const { layout, board } = this.tree;
    const { clocks, activity } = this.state;
    const gpuBusy = activity.gpu > 0;
    const leastHz = this.files.readNumber(`${layout.devfreq}/min_freq`) ?? 0;
    // The governor goes to the cap under load and to the lowest clock without.
    const gpuHz = Math.round(gpuBusy ? clocks.gpuMhz * 1e6 : Math.min(clocks.gpuMhz * 1e6, leastHz));
    this.files.write(`${layout.devfreq}/cur_freq`, String(gpuHz));
    this.files.write(`${layout.devfreq}/target_freq`, String(gpuHz));
    this.files.write(layout.gpuLoad, String(Math.round(1000 * Math.min(1, activity.gpu))));
    this.files.write(layout.emcRate, String(Math.round(clocks.emcMhz * 1e6)));
    for (const first of firstCores(board)) {
      const folder = policyFolder(first);
      const capKhz = this.files.readNumber(`${folder}/scaling_max_freq`) ?? clocks.cpuMhz * 1000;
      const khz = Math.min(clocks.cpuMhz * 1000, capKhz);
      this.files.write(`${folder}/scaling_cur_freq`, String(Math.round(khz)));
    }
  }
}

/** As the kernel lists CPUs, e.g. `0-3,6`. */
function rangesOf(cores: readonly number[]): string {
  const ranges: string[] = [];
  let first: number | undefined;
  cores.forEach((core, index) => {
    first ??= core;
    if (cores[index + 1] === core + 1) return;
    ranges.push(first === core ? `${core}` : `${first}-${core}`);
    first = undefined;
  });
  return ranges.join(',');
}
