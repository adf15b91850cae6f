import type { PowerSample, PowerSensor } from '../meters/sensor';
import type { SensorFacts } from './inspection';

/**
 * What a sample says, with the watts that a sensor which only counts energy had on average since an earlier one.
 * @param isReal false where a folder stands for `/`: no real device stands behind the number
 */
export function sensorFacts(
  sensor: PowerSensor,
  now: PowerSample,
  before: PowerSample | null,
  isReal: boolean,
): SensorFacts {
  let { powerW } = now;
  if (powerW === null && now.energyJ !== null && before !== null && before.energyJ !== null) {
    const elapsedS = (now.atMs - before.atMs) / 1000;
    if (elapsedS > 0) powerW = (now.energyJ - before.energyJ) / elapsedS;
  }
  return {
    name: sensor.name,
    method: sensor.method,
    scope: sensor.scope,
    source: isReal ? 'measured' : 'simulated',
    accuracy: sensor.accuracy,
    powerW,
    rails: now.rails.map(({ name, powerW: railW, inTotal, problem }) => ({ name, powerW: railW, inTotal, problem })),
  };
}
