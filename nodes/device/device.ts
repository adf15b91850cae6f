import { inspect } from '../../src/loop/inspect';
import { defineNode } from '../../src/node-red/defineNode';
import { describeMachine } from '../../src/power/describe-machine';
import { detectMachine, type Detection } from '../../src/power/detect';
import type { Device } from '../../src/power/device';
import { reportText } from '../../src/power/inspect/report-text';
import type { Machine } from '../../src/power/machine/machine';
import { findingsOf, reportBeforeDeploy } from '../../src/power/report';
import { EcomapError } from '../../src/signals/errors';
import { parseAtTheDoor } from '../../src/signals/parse';
import { simulatedDevice } from '../../src/simulation/devices';
import { CalibrationOffers } from '../shared/calibration-offers';
import { calibrationRoutes } from './calibration-routes';
import { deviceConfig, hardwareSchema, type DeviceConfig } from './config';
import { readLive } from './live-reading';
import { machineOf, openDevice } from './open-device';
import { sharedForAWhile } from './shared-for-a-while';

function describe(config: Readonly<DeviceConfig>, detection: Detection) {
  const machine = describeMachine(detection, config);
  return config.hardware === 'auto' ? machine : simulatedDevice(config.hardware, machine);
}

/** The machine that this node looks at, as its routes see it. */
const detectionOf = (settings: unknown): Detection => detectMachine({ fileRoot: machineOf(settings).files.root });

const hardwareOf = (query: Readonly<Record<string, unknown>>): DeviceConfig['hardware'] =>
  parseAtTheDoor(hardwareSchema, query['hardware'] ?? 'auto', 'INVALID_CONFIG', 'the hardware');

/** Starts programs and processes: many who look at once share one answer. */
const inspection = sharedForAWhile(
  ({ machine, stateDirectory }: { machine: Machine; stateDirectory: string }) => inspect({ machine, stateDirectory }),
  ({ machine, stateDirectory }) => `${machine.files.root}\n${stateDirectory}`,
);

/** The hardware: found on this machine, or simulated on it. */
export default defineNode({
  type: 'ecomap-device',
  config: deviceConfig,
  routes: [
    ...calibrationRoutes,
    {
      method: 'get',
      path: '/ecomap/device/:id/report',
      permission: 'ecomap-device.read',
      async handle(request) {
        const device = request.resource<Device>(request.params['id'] ?? '', 'device');
        if (device === null)
          throw new EcomapError('INVALID_CONFIG', 'this device is not deployed: deploy the flow to see it at work');
        const report = await device.report();
        return { ...report, findings: [...findingsOf(detectionOf(request.settings)), ...report.findings] };
      },
    },
    {
      method: 'get',
      path: '/ecomap/device-detection',
      permission: 'ecomap-device.read',
      async handle(request) {
        const hardware = hardwareOf(request.query);
        const detection = detectionOf(request.settings);
        const report = await reportBeforeDeploy(describe(deviceConfig.parse({ hardware }), detection));
        return { ...report, findings: [...findingsOf(detection), ...report.findings] };
      },
    },
    {
      method: 'get',
      path: '/ecomap/device-inspection',
      permission: 'ecomap-device.read',
      handle: ({ settings, stateDirectory }) => inspection({ machine: machineOf(settings), stateDirectory }),
    },
    {
      method: 'get',
      path: '/ecomap/device-power',
      permission: 'ecomap-device.read',
      handle(request) {
        const hardware = hardwareOf(request.query);
        const id = request.query['id'];
        const device = typeof id === 'string' ? request.resource<Device>(id, 'device') : null;
        return readLive(device, hardware === 'auto' ? machineOf(request.settings) : null);
      },
    },
    {
      method: 'get',
      path: '/ecomap/device-doctor',
      permission: 'ecomap-device.read',
      handle: async ({ settings, stateDirectory }) => ({
        text: reportText(await inspection({ machine: machineOf(settings), stateDirectory })),
      }),
    },
  ],
  start(node) {
    const device = openDevice({
      name: node.label,
      config: node.config,
      settings: node.settings,
      stateDirectory: node.stateDirectory,
      warn: (text) => node.warn(text),
    });
    node.provide('device', device);
    node.provide('calibrations', new CalibrationOffers());
    return { close: () => device.close() };
  },
});
