import { findHostActuators } from '../actuators/find-host-actuators';
import { findJetsonActuators } from '../actuators/find-jetson-actuators';
import { findSensors } from '../meters/find-sensors';
import { findOtherManagers } from '../safety/other-managers';
import type { InspectionParts } from './inspect-machine';

/** What this package can find by itself. */
export const ownParts: InspectionParts = {
  findSensors: (machine) => findSensors(machine),
  async findActuators(machine, changes) {
    const jetson = await findJetsonActuators(machine, changes);
    const host = await findHostActuators(machine, changes);
    return {
      actuators: [...jetson.actuators, ...host.actuators],
      findings: [...jetson.findings, ...host.findings],
    };
  },
  async findOtherManagers(machine) {
    const managers = await findOtherManagers(machine);
    return managers.map(({ text, inChargeOf, advice }) => ({
      level: inChargeOf.length === 0 ? 'ok' : 'problem',
      text:
        inChargeOf.length === 0 ? text : `${text}; it is in charge of ${inChargeOf.join(', ')}. To end that: ${advice}`,
    }));
  },
};
