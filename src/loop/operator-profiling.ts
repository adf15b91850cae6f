import type { EnergyReader } from '../inference/energy';
import type { OperatorProfiler, ProfiledModel } from '../inference/operator-profiler';
import { modelledRunEnergyJ, operatorProfileOf } from '../mapping/operators/run-energy';
import type { InferenceDevice } from '../signals/device';
import { EcomapError } from '../signals/errors';
import type { OperatorProfile } from '../signals/operator-profile';

/** A device that may have a meter, and what its power law says where it has none. */
export interface MeteredDevice extends Pick<InferenceDevice, 'operatingPoints' | 'fingerprint'> {
  openReader?(): EnergyReader;
}

const modelledMethod = 'idle power for the time of a run, plus what the component adds for its CPU time';

/**
 * Times a model and its operators alone and tells what a run costs: by the device's sensor where it has one, else by its power law at
 * the highest operating point. Nothing else may run on the device meanwhile where a sensor measures.
 * @throws EcomapError as OperatorProfiler; INVALID_CONFIG when the device does not know the component
 */
export async function profileOperators(
  profiler: OperatorProfiler,
  device: MeteredDevice,
  model: ProfiledModel,
  now: () => Date = () => new Date(),
): Promise<OperatorProfile> {
  const { component } = model;
  const times = await profiler.time(model);
  const energy = (await meteredEnergy(profiler, device, model)) ?? modelledEnergy();
  return operatorProfileOf(times, component, device.fingerprint, energy, now().toISOString());

  function modelledEnergy(): { energyJ: number } & OperatorProfile['energy'] {
    const point = device.operatingPoints[0];
    const energyJ = point === undefined ? null : modelledRunEnergyJ(times, component, point);
    if (energyJ === null) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `The device tells no power of the component "${component.name}": correct its list of components.`,
      );
    }
    return { energyJ, source: 'modelled', method: modelledMethod };
  }
}

/** Null without a sensor. */
async function meteredEnergy(
  profiler: OperatorProfiler,
  device: MeteredDevice,
  model: ProfiledModel,
): Promise<({ energyJ: number } & OperatorProfile['energy']) | null> {
  const reader = device.openReader?.();
  return reader?.readEnergy().source === 'measured' ? profiler.meter(model, reader) : null;
}
