import type { ClockState } from './boards/board';
import type { SimulatedDevice, SimulatedMode } from './device-family';
import type { DeviceModel } from './model/device-model';

/** A mode of a device, or a GPU clock cap within one. */
interface ModeChoice {
  readonly mode: string;
  readonly gpuMhz?: number;
}

interface ModelledDevice {
  readonly name: string;
  readonly label: string;
  readonly model: DeviceModel;
  /** Highest first; only what a running device can reach without a reboot. */
  readonly choices: readonly [ModeChoice, ...ModeChoice[]];
  /** Networks that stand for what the device is used for. */
  readonly networks: readonly string[];
  readonly powerMethod: string;
  readonly powerAccuracy: number | null;
}

/**
 * A simulated device from its model: a mode's speed is the geometric mean over the networks of the latency in the first mode
 * over that in this one, its busy power the mean of what they draw above idle when they run without a pause.
 */
export function modelledDevice(device: ModelledDevice): SimulatedDevice {
  const { model, choices, networks } = device;
  const [fastest] = choices;
  const fastestMs = latencies(model, networks, clocksOf(model, fastest));
  return {
    name: device.name,
    label: device.label,
    powerScope: 'module',
    powerMethod: device.powerMethod,
    powerAccuracy: device.powerAccuracy,
    modes: choices.map((choice): SimulatedMode => {
      const clocks = clocksOf(model, choice);
      const ratios = latencies(model, networks, clocks).map((ms, index) => (fastestMs[index] ?? ms) / ms);
      const runW = networks.map((network) => flatOut(model, network, clocks).powerW);
      const idleW = model.idleW(clocks);
      return {
        name: choice.gpuMhz === undefined ? choice.mode : `${choice.mode}, GPU ${choice.gpuMhz} MHz`,
        speed: Math.exp(mean(ratios.map(Math.log))),
        idleW,
        busyW: mean(runW) - idleW,
      };
    }),
  };
}

const clocksOf = (model: DeviceModel, { mode, gpuMhz }: ModeChoice): ClockState =>
  model.limit(model.mode(mode), gpuMhz === undefined ? {} : { gpuMhz });

const flatOut = (model: DeviceModel, network: string, clocks: ClockState) =>
  model.run([{ network, stages: [{ unit: 'gpu' }], ratePerS: null }], clocks);

const latencies = (model: DeviceModel, networks: readonly string[], clocks: ClockState): number[] =>
  networks.map((network) => flatOut(model, network, clocks).networks[0]?.latencyMs ?? 0);

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
