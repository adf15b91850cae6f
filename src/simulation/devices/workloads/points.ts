import type { ClockState } from '../boards/board';
import type { DeviceModel } from '../model/device-model';

export interface BoardPoint {
  readonly name: string;
  readonly clocks: ClockState;
  readonly idleW: number;
  /** With every unit but the cores busy all the time: what a cap by the grid goes up to. */
  readonly fullLoadW: number;
}

/** Modes that a running AGX Xavier can change to, and GPU clock caps within them. */
const choices: readonly { readonly mode: string; readonly gpuMhz?: number }[] = [
  { mode: 'MAXN' },
  { mode: 'MAXN', gpuMhz: 1198.5 },
  { mode: 'MAXN', gpuMhz: 1032.75 },
  { mode: 'MAXN', gpuMhz: 905.25 },
  { mode: 'MAXN', gpuMhz: 675.75 },
  { mode: 'MODE_30W_ALL' },
  { mode: 'MODE_30W_4CORE' },
  { mode: 'MODE_30W_ALL', gpuMhz: 675.75 },
  { mode: 'MODE_15W' },
  { mode: 'MODE_15W', gpuMhz: 522.75 },
  { mode: 'MODE_15W', gpuMhz: 420.75 },
  { mode: 'MODE_15W', gpuMhz: 318.75 },
];

/** Fastest first; the first is MAXN. */
export function boardPoints(model: DeviceModel): BoardPoint[] {
  return choices.map(({ mode, gpuMhz }) => {
    const clocks = model.limit(model.mode(mode), gpuMhz === undefined ? {} : { gpuMhz });
    return {
      name: gpuMhz === undefined ? mode : `${mode}, GPU ${gpuMhz} MHz`,
      clocks,
      idleW: model.idleW(clocks),
      fullLoadW: model.powerW(clocks, { gpu: 1 }),
    };
  });
}
