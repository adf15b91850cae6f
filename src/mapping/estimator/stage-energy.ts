import { clockSpeed, type Component, type OperatingPoint } from '../../signals/device';
import { isSameClock } from '../../signals/profile';
import { computingMs } from './analytic';
import type { StageCost } from './estimator';

/**
 * Energy above idle of one run of a stage, J: as measured where the clocks ran as they do at this point, else the time that the
 * component computes, times what it then adds; null where that is not known.
 */
export function stageEnergyJ(component: Component, cost: StageCost, point: OperatingPoint): number | null {
  const clock = clockSpeed(point);
  const { measured } = cost;
  if (measured !== undefined && isSameClock(measured.clockSpeed, clock)) return measured.energyJ;
  const activeW = point.activeW[component.name];
  return activeW === undefined ? null : (computingMs(component, cost) * activeW) / clock / 1000;
}
