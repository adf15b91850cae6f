import type { CoLocationDevice, CoLocationNetwork, Sensitivity } from '../../signals/co-location';
import type { Random } from '../random';
import type { SimulatedDevice, SimulatedLevel } from './device';
import { simulate, type Stressor } from './event-loop';
import { runAlone, transferS, type SimulatedNetwork } from './network';

/** Takes over half of the memory's bandwidth and empties caches. */
const memoryStressor: Stressor = { bandwidthShare: 0.6, cachePressure: 1 };

/** What a user would know of the device at a level. */
export function deviceAt(device: SimulatedDevice, level: SimulatedLevel): CoLocationDevice {
  return {
    units: device.units.map(({ kind, queued }) => ({ kind, queued, speed: level.frequency[kind] })),
    idleW: device.staticW,
    capW: Number.isFinite(level.capW) ? level.capW : null,
  };
}

/** What profiling the network alone at a level finds. `noise`: relative standard deviation of latencies and energies. */
export function profileAt(
  device: SimulatedDevice,
  level: SimulatedLevel,
  network: SimulatedNetwork,
  sensitivity: readonly (Sensitivity | null)[],
  pauseS: number,
  noise: number,
  random: Random,
): CoLocationNetwork {
  const measured = (value: number): number => (noise > 0 ? value * Math.exp(noise * random.normal()) : value);
  return {
    stages: network.stages.map((stage) => ({
      gigaflop: stage.gigaflop,
      gigabytes: stage.gigabytes,
      transferS: transferS(level, stage),
      alone: device.units.map((_, at) => {
        const { latencyS, energyJ } = runAlone(device, level, stage, at);
        return { latencyS: measured(latencyS), energyJ: measured(energyJ) };
      }),
    })),
    pauseS,
    periodS: 0,
    sensitivity,
  };
}

/** Co-runs of the network with a stressor and with itself, on each unit at the highest level, as measured. */
export function measureSensitivity(
  device: SimulatedDevice,
  network: SimulatedNetwork,
  random: Random,
): readonly Sensitivity[] {
  const level = device.levels.at(-1);
  if (level === undefined) throw new RangeError('a simulated device needs at least one level');
  return device.units.map((_, at) => {
    const running = { network, units: network.stages.map(() => at), pauseS: 0 };
    const alone = simulate(device, level, [running], random).latencyS[0] ?? 0;
    const stressed = simulate(device, level, [running], random, memoryStressor);
    const twice = simulate(device, level, [running, running], random).latencyS;
    return {
      besideMemory: Math.log((stressed.latencyS[0] ?? 0) / alone),
      besideItself: Math.log(((twice[0] ?? 0) + (twice[1] ?? 0)) / 2 / alone),
      caused: Math.log(stressed.stressorSlowdown),
    };
  });
}
