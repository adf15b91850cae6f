import type { PowerSample, PowerSensor } from '../sensor';

/** Sensors that see different parts of one machine, e.g. the processor packages and the GPUs. None of them counts twice. */
export function summedSensor(parts: readonly PowerSensor[]): PowerSensor {
  return {
    name: parts.map(({ name }) => name).join(' + '),
    scope: 'package',
    accuracy: null,
    get method() {
      return parts.map(({ method }) => method).join(' + ');
    },
    intervalMs: Math.max(...parts.map(({ intervalMs }) => intervalMs)),
    async sample(): Promise<PowerSample> {
      const samples = await Promise.all(parts.map((part) => part.sample()));
      let powerW: number | null = 0;
      for (const sample of samples) powerW = powerW === null || sample.powerW === null ? null : powerW + sample.powerW;
      return {
        atMs: Math.max(...samples.map(({ atMs }) => atMs)),
        powerW,
        energyJ: null,
        rails: samples.flatMap(({ rails }) => rails),
      };
    },
    async close() {
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}
