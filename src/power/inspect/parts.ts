import type { InspectionParts } from './inspect-machine';

/** What this package can find by itself. */
export const ownParts: InspectionParts = {
  findSensors: () => Promise.resolve({ sensors: [], findings: [] }),
  findActuators: () => Promise.resolve({ actuators: [], findings: [] }),
  findOtherManagers: () => Promise.resolve([]),
};
