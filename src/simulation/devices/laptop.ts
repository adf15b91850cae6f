import type { SimulatedDevice } from './device-family';

const idleW = 5;
const busyWAtFullSpeed = 20;

/**
 * Power above idle at a clock `speed` relative to the highest. Dynamic power goes with f x V^2 and voltage about with
 * clock, hence the cube; a quarter (leakage, memory, uncore) is paid for as long as something runs, in proportion to clock.
 */
const busyW = (speed: number): number => busyWAtFullSpeed * (0.25 * speed + 0.75 * speed ** 3);

/**
 * A laptop of no particular make, for demonstrations: 5 W idle, 25 W at full load, nine clock steps. The figures are chosen,
 * not measured; they show what a cap does, not what a certain machine draws.
 */
export const laptop: SimulatedDevice = {
  name: 'laptop',
  label: 'laptop (demonstration)',
  powerScope: 'wall',
  powerMethod:
    'chosen figures: 5 W idle, 25 W at full load, a quarter of the active power linear and the rest cubic in clock',
  powerAccuracy: null,
  modes: [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2].map((speed) => ({
    name: `clock ${Math.round(speed * 100)} %`,
    speed,
    idleW,
    busyW: busyW(speed),
  })),
};
