import { DeviceModel } from './model/device-model';
import { modelledDevice } from './modes-of-model';

/** Heavy segmentation networks in fp32: what the measured modes were measured with. */
const networks = ['fcn-resnet50', 'deeplabv3-resnet50', 'fcn-resnet101', 'deeplabv3-resnet101'];

/**
 * Jetson AGX Xavier, 32 GB: module power (sum of its six rails). MODE_10W is left out: it masks a part of the GPU, which
 * needs a reboot, so a running loop cannot reach it.
 */
export const agxXavier = modelledDevice({
  name: 'agx-xavier',
  label: 'Jetson AGX Xavier',
  model: new DeviceModel('agx-xavier'),
  choices: [
    { mode: 'MAXN' },
    { mode: 'MODE_30W_ALL' },
    { mode: 'MODE_15W' },
    { mode: 'MODE_15W', gpuMhz: 522.75 },
    { mode: 'MODE_15W', gpuMhz: 420.75 },
    { mode: 'MODE_15W', gpuMhz: 318.75 },
  ],
  networks,
  powerMethod: 'laws fitted to a public measurement log (L4T R35.5) of heavy networks in four nvpmodel modes',
  powerAccuracy: 0.05,
});

const scaled = 'assumption: laws fitted to measurements of an AGX Orin (L4T R36.4), scaled to half its GPU and memory';

/** Jetson Orin NX, 16 GB, on its "super" release. The 10 W and 15 W modes mask a part of the GPU and are left out. */
export const orinNx = modelledDevice({
  name: 'orin-nx',
  label: 'Jetson Orin NX 16 GB',
  model: new DeviceModel('orin-nx-16gb'),
  choices: [
    { mode: 'MAXN_SUPER' },
    { mode: '40W', gpuMhz: 1020 },
    { mode: '40W', gpuMhz: 816 },
    { mode: '40W', gpuMhz: 612 },
    { mode: '25W' },
    { mode: '25W', gpuMhz: 306 },
  ],
  networks,
  powerMethod: scaled,
  powerAccuracy: null,
});

/** Jetson Orin Nano, 8 GB, on its "super" release. The 7 W mode needs a reboot and is left out. */
export const orinNano = modelledDevice({
  name: 'orin-nano',
  label: 'Jetson Orin Nano 8 GB',
  model: new DeviceModel('orin-nano-8gb'),
  choices: [
    { mode: 'MAXN_SUPER' },
    { mode: '25W' },
    { mode: '15W' },
    { mode: '15W', gpuMhz: 510 },
    { mode: '15W', gpuMhz: 408 },
    { mode: '15W', gpuMhz: 306 },
  ],
  networks,
  powerMethod: scaled,
  powerAccuracy: null,
});
