import { defineNode } from '../../src/node-red/defineNode';
import { describeMachine } from '../../src/power/describe-machine';
import { detectMachine } from '../../src/power/detect';
import { createDevice, type Device } from '../../src/power/device';
import { findingsOf, reportBeforeDeploy } from '../../src/power/report';
import { EcomapError } from '../../src/signals/errors';
import { parseAtTheDoor } from '../../src/signals/parse';
import { simulatedDevice } from '../../src/simulation/devices';
import { deviceConfig, hardwareSchema, type DeviceConfig } from './config';

function describe(config: Readonly<DeviceConfig>) {
  const machine = describeMachine(detectMachine(), config);
  return config.hardware === 'auto' ? machine : simulatedDevice(config.hardware, machine);
}

/** The hardware: found on this machine, or simulated on it. */
export default defineNode({
  type: 'ecomap-device',
  config: deviceConfig,
  routes: [
    {
      method: 'get',
      path: '/ecomap/device/:id/report',
      permission: 'ecomap-device.read',
      async handle(request) {
        const device = request.resource<Device>(request.params['id'] ?? '', 'device');
        if (device === null)
          throw new EcomapError('INVALID_CONFIG', 'this device is not deployed: deploy the flow to see it at work');
        const report = await device.report();
        return { ...report, findings: [...findingsOf(detectMachine()), ...report.findings] };
      },
    },
    {
      method: 'get',
      path: '/ecomap/device-detection',
      permission: 'ecomap-device.read',
      async handle(request) {
        const hardware = parseAtTheDoor(
          hardwareSchema,
          request.query['hardware'] ?? 'auto',
          'INVALID_CONFIG',
          'the hardware',
        );
        const report = await reportBeforeDeploy(describe(deviceConfig.parse({ hardware })));
        return { ...report, findings: [...findingsOf(detectMachine()), ...report.findings] };
      },
    },
  ],
  start(node) {
    const device = createDevice(describe(node.config));
    node.provide('device', device);
    return { close: () => device.close() };
  },
});
