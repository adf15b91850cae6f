import { setTimeout } from 'node:timers/promises';
import type { Device } from '../../src/power/device';
import { LivePower } from '../../src/power/inspect/live-power';
import type { SensorFacts } from '../../src/power/inspect/inspection';
import { ownParts } from '../../src/power/inspect/parts';
import type { Machine } from '../../src/power/machine/machine';
import type { MeterReader } from '../../src/power/meters/meter';
import type { PowerReading } from '../../src/signals/quantities';

/** What the open dialog shows and asks for again and again; plain JSON. */
export interface LiveReading {
  /** What the deployed device itself counts with; null when it is not deployed. */
  readonly device: DevicePower | null;
  readonly sensors: readonly SensorFacts[];
}

/** One for all dialogs: it opens the sensors when somebody looks, and closes them when nobody does. */
const liveByRoot = new Map<string, LivePower>();

function liveOf(machine: Machine): LivePower {
  const { root } = machine.files;
  const live = liveByRoot.get(root) ?? new LivePower(machine, ownParts.findSensors);
  liveByRoot.set(root, live);
  return live;
}

type DevicePower = PowerReading & { readonly method: string };

interface Place {
  readonly reader: MeterReader;
  readAtMs: number;
  last: DevicePower;
}

/** A mean over a longer time than this would not be what the device draws now. */
const staleMs = 10_000;
const firstWindowMs = 300;
/** Dialogs that ask at the same time get the same mean. */
const freshMs = 400;

const places = new WeakMap<Device, Place>();

async function powerOf(device: Device): Promise<DevicePower> {
  const known = places.get(device);
  const sinceMs = known === undefined ? Infinity : performance.now() - known.readAtMs;
  if (known !== undefined && sinceMs < freshMs) return known.last;
  const reader = known === undefined || sinceMs > staleMs ? device.openReader() : known.reader;
  if (reader !== known?.reader) await setTimeout(firstWindowMs);
  // What meters may change: a sensor that is found takes over from the model.
  const last = { ...reader.readPower(), method: reader.readEnergy().method };
  places.set(device, { reader, readAtMs: performance.now(), last });
  return last;
}

/** @param machine whose sensors are read; null for a simulated device, of which they say nothing */
export async function readLive(device: Device | null, machine: Machine | null): Promise<LiveReading> {
  const [power, sensors] = await Promise.all([
    device === null ? null : powerOf(device),
    machine === null ? [] : liveOf(machine).read(),
  ]);
  return { device: power, sensors };
}
