import { resolve } from 'node:path';
import { z } from 'zod';
import { importedModes } from '../../src/mapping/imported-profiles/imported-modes';
import { readProfileFile } from '../../src/mapping/imported-profiles/read-profile-file';
import { MachineHardware } from '../../src/power/caps/machine-hardware';
import { systemClock } from '../../src/power/clock';
import { describeMachine } from '../../src/power/describe-machine';
import { detectMachine } from '../../src/power/detect';
import { createDevice, type Device } from '../../src/power/device';
import { machineInFolder, thisMachine, type Machine } from '../../src/power/machine/machine';
import { powerPermissionsOf } from '../../src/power/safety/power-permissions';
import type { CrashRestore } from '../../src/power/safety/restore-after-crash';
import type { DeviceDescription, LocalMachine } from '../../src/signals/device-description';
import { parseAtTheDoor } from '../../src/signals/parse';
import { simulatedDevice } from '../../src/simulation/devices';
import { describeSimulated } from '../../src/simulation/devices/device-family';
import type { DeviceConfig } from './config';

const rootSchema = z
  .object({ machineRoot: z.string().min(1).optional() })
  .nullish()
  .transform((settings) => settings?.machineRoot);

/**
 * The machine that the node looks at and sets: this one, or a folder that stands for `/`. The folder is named by
 * `ecomap: { machineRoot: '...' }` in settings.js or by the environment variable ECOMAP_MACHINE_ROOT, for lessons and tests with a
 * simulated board; only its own programs are run, never this machine's `nvpmodel`.
 * @throws EcomapError INVALID_CONFIG when it is not a path
 */
export function machineOf(settings: unknown): Machine {
  const set = parseAtTheDoor(rootSchema, settings, 'INVALID_CONFIG', 'ecomap.machineRoot in settings.js');
  const root = set ?? process.env['ECOMAP_MACHINE_ROOT'];
  if (root === undefined || root === '') return thisMachine;
  return machineInFolder(resolve(root));
}

export interface OpenDeviceOptions {
  readonly name: string;
  readonly config: Readonly<DeviceConfig>;
  /** `ecomap` of settings.js, unparsed. */
  readonly settings: unknown;
  readonly stateDirectory: string;
  readonly warn: (text: string) => void;
}

/** @throws EcomapError INVALID_CONFIG */
export function openDevice({ name, config, settings, stateDirectory, warn }: OpenDeviceOptions): Device {
  const machine = machineOf(settings);
  const description = describeMachine(detectMachine({ fileRoot: machine.files.root }), config);
  if (config.profileFile !== '')
    return createDevice(importedDevice(config.profileFile, description, { stateDirectory, warn }));
  if (config.hardware !== 'auto') return createDevice(simulatedDevice(config.hardware, description));
  const hardware = new MachineHardware({
    machine,
    stateDirectory,
    permissions: powerPermissionsOf(settings),
    clock: systemClock,
    owner: `the device "${name}"`,
    onRestored: ({ leftToOthers, failed }) => {
      if (leftToOthers.length > 0)
        warn(`Somebody else has changed ${leftToOthers.join(', ')} meanwhile, so it is left as it is`);
      for (const { key, problem } of failed)
        warn(`${key} could not be restored: ${problem}. The next start tries again`);
    },
  });
  void hardware.recovered.then((restored) => {
    for (const text of wordsOf(restored)) warn(text);
  });
  return createDevice(description, { machine, hardware });
}

/** A device of which a file tells the operating points and what networks cost; this machine computes for it, at its speed. */
function importedDevice(
  path: string,
  local: LocalMachine,
  { stateDirectory, warn }: Pick<OpenDeviceOptions, 'stateDirectory' | 'warn'>,
): DeviceDescription {
  const imported = readProfileFile(path, stateDirectory, warn);
  const description = describeSimulated(
    {
      name: 'imported',
      label: `imported from ${imported.file}`,
      powerScope: 'module',
      powerMethod: `imported from ${imported.file}`,
      powerAccuracy: null,
      modes: importedModes(imported),
    },
    local,
  );
  return { ...description, imported };
}

/** What somebody should know of what an earlier run has left. */
function wordsOf({ restored, leftToOthers, failed, warnings, heldBy }: CrashRestore): string[] {
  const words = [...warnings];
  if (restored.length > 0) words.push(`An earlier run ended without restoring: restored now ${restored.join(', ')}`);
  if (leftToOthers.length > 0)
    words.push(`An earlier run had changed ${leftToOthers.join(', ')}; somebody else has set it since, so it is left`);
  for (const { key, problem } of failed) words.push(`${key} could not be restored: ${problem}`);
  if (heldBy !== null) words.push(`Hardware limits are held by ${heldBy}; this device sets none while that runs`);
  return words;
}
