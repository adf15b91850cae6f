import { EcomapError } from '../signals/errors';
import type { PowerScope } from '../signals/quantities';
import type { PowerFigures } from './operating-points';

export const deviceClasses = [
  'laptop',
  'x86-box',
  'raspberry-pi-4',
  'jetson-agx-xavier',
  'jetson',
  'arm-board',
] as const;
export type DeviceClass = (typeof deviceClasses)[number];

interface ClassPower {
  readonly label: string;
  readonly idleW: number;
  /** Watts that one busy core adds. */
  readonly activeWPerCore: number;
  readonly scope: PowerScope;
  readonly basis: string;
}

/**
 * Idle and active watts where there is no sensor and no plug reading: the order of magnitude, no more.
 * The processor curve [0, 100] % -> [0.12, 1.02] x TDP is that of Teads (Green Software Foundation, Impact Framework);
 * wall figures are from MLPerf Inference v1.0 and v1.1 (submitter Krai; unofficial extraction).
 */
const classPower: { readonly [Class in DeviceClass]: ClassPower } = {
  laptop: {
    label: 'laptop',
    idleW: 0.12 * 28,
    activeWPerCore: (0.9 * 28) / 8,
    scope: 'package',
    basis: 'Teads curve for an assumed 28 W processor with 8 hardware threads',
  },
  'x86-box': {
    label: 'x86 computer',
    idleW: 0.12 * 65,
    activeWPerCore: (0.9 * 65) / 8,
    scope: 'package',
    basis: 'Teads curve for an assumed 65 W processor with 8 hardware threads',
  },
  'raspberry-pi-4': {
    label: 'Raspberry Pi 4',
    // Fan off; with the fan on 3.84 W and 6.69 W.
    idleW: 2.94,
    activeWPerCore: (5.83 - 2.94) / 4,
    scope: 'wall',
    basis: 'MLPerf v1.0 wall readings of a Raspberry Pi 4 idle and running ResNet-50, fan off',
  },
  'jetson-agx-xavier': {
    label: 'Jetson AGX Xavier, CPU only',
    idleW: 6.5,
    activeWPerCore: (22.2 - 6.5) / 8,
    scope: 'wall',
    basis: 'MLPerf v1.1 wall readings of an AGX Xavier (MAXN) idle and running ResNet-50 with ArmNN on 8 cores',
  },
  jetson: {
    label: 'Jetson, CPU only',
    idleW: 5,
    activeWPerCore: 1.5,
    scope: 'module',
    basis: 'an assumption, not a measurement',
  },
  'arm-board': {
    label: 'Arm board',
    idleW: 3,
    activeWPerCore: 1,
    scope: 'wall',
    basis: 'an assumption, not a measurement',
  },
};

/** What the user read from a plug meter; null where nothing was read. */
export interface PlugReadings {
  readonly idleW: number | null;
  readonly fullLoadW: number | null;
}

export interface PowerModel extends PowerFigures {
  readonly scope: PowerScope;
  readonly method: string;
  readonly accuracy: number | null;
}

/**
 * The power law of a machine without a sensor, calibrated by up to two plug readings.
 * @throws EcomapError INVALID_CONFIG when full load would not draw more than idle.
 */
export function modelPower(deviceClass: DeviceClass, cores: number, plug: PlugReadings): PowerModel {
  const known = classPower[deviceClass];
  const idleW = plug.idleW ?? known.idleW;
  const fullLoadW = plug.fullLoadW ?? idleW + known.activeWPerCore * cores;
  if (!(fullLoadW > idleW)) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `the power at full load (${fullLoadW} W) must be above the power at idle (${idleW.toFixed(2)} W): ` +
        'read both from the same plug meter, or leave both empty',
    );
  }
  const typical = `typical of the class "${known.label}" (${known.basis})`;
  if (plug.idleW === null && plug.fullLoadW === null)
    return { idleW, fullLoadW, scope: known.scope, method: `idle and active watts ${typical}`, accuracy: null };
  if (plug.idleW !== null && plug.fullLoadW !== null)
    return { idleW, fullLoadW, scope: 'wall', method: 'idle and active watts from two plug readings', accuracy: 0.1 };
  const [read, assumed] = plug.idleW === null ? ['full load', 'idle'] : ['idle', 'active'];
  const method = `${read} watts from a plug reading, ${assumed} watts ${typical}`;
  return { idleW, fullLoadW, scope: 'wall', method, accuracy: null };
}

export const labelOfClass = (deviceClass: DeviceClass): string => classPower[deviceClass].label;
