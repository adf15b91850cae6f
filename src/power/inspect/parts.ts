import { findSensors } from '../meters/find-sensors';
import type { InspectionParts } from './inspect-machine';

/** What this package can find by itself. */
export const ownParts: InspectionParts = {
  findSensors: (machine) => findSensors(machine),
  findActuators: () => Promise.resolve({ actuators: [], findings: [] }),
  findOtherManagers: () => Promise.resolve([]),
};
