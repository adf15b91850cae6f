import { EcomapError } from '../../signals/errors';
import type { PowerSample, PowerSensor } from './sensor';

/** @throws EcomapError INVALID_CONFIG for a factor below 1 or above 3 */
export function checkWallFactor(factor: number): void {
  if (!(factor >= 1 && factor <= 3)) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `the factor from module to wall power must be between 1 and 3, not ${factor}: divide a plug reading by the module's watts`,
    );
  }
}

/**
 * A sensor that sees the module, taken for the power at the wall: times what the user has found between the two (carrier
 * board and power supply; 37.0 W at the input for 29.0 W of the module on one Orin NX). Its rails stay as they are.
 * @throws EcomapError INVALID_CONFIG for a factor below 1 or above 3
 */
export function atTheWall(sensor: PowerSensor, factor: number): PowerSensor {
  checkWallFactor(factor);
  const scaled = (value: number | null): number | null => (value === null ? null : value * factor);
  return {
    name: sensor.name,
    scope: 'wall',
    // One factor for every load is a guess of its own.
    accuracy: null,
    get method() {
      return `${sensor.method}, x ${factor} for carrier board and power supply`;
    },
    intervalMs: sensor.intervalMs,
    async sample(): Promise<PowerSample> {
      const sample = await sensor.sample();
      return { ...sample, powerW: scaled(sample.powerW), energyJ: scaled(sample.energyJ) };
    },
    close: () => sensor.close(),
  };
}
