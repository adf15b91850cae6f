import type { DeviceDescription, LocalMachine } from '../../signals/device-description';
import { describeSimulated } from './device-family';
import { agxXavier, orinNano, orinNx } from './jetsons';
import { laptop } from './laptop';

export { boardNames, jetPacks, type BoardName, type ClockState, type JetPack } from './boards/board';
export { DeviceModel, type DeviceOutcome, type Placement, type StagePlacement } from './model/device-model';
export { unitNames, type UnitName } from './model/latency';
export type { NetworkCost } from './model/network';
export type { Activity, PowerParts } from './model/power-law';
export { SimulatedBoard, type BoardState, type SimulatedBoardOptions, type Workload } from './simulated-board';
export { createDeviceTree, type DeviceTree, type DeviceTreeOptions } from './tree/device-tree';
export type { NvpmodelFault } from './tree/programs/facts';

export const simulatedDeviceNames = ['laptop', 'agx-xavier', 'orin-nx', 'orin-nano'] as const;
export type SimulatedDeviceName = (typeof simulatedDeviceNames)[number];

const devices = { laptop, 'agx-xavier': agxXavier, 'orin-nx': orinNx, 'orin-nano': orinNano } as const;

/** A simulated device that computes on this machine's components. */
export function simulatedDevice(name: SimulatedDeviceName, local: LocalMachine): DeviceDescription {
  return describeSimulated(devices[name], local);
}
