import { setTimeout } from 'node:timers/promises';
import type { Device } from '../../src/power/device';
import { LivePower } from '../../src/power/inspect/live-power';
import type { SensorFacts } from '../../src/power/inspect/inspection';
import { ownParts } from '../../src/power/inspect/parts';
import { thisMachine } from '../../src/power/machine/machine';
import type { MeterReader } from '../../src/power/meters/meter';
import type { PowerReading } from '../../src/signals/quantities';

/** What the open dialog shows and asks for again and again; plain JSON. */
export interface LiveReading {
  /** What the deployed device itself counts with; null when it is not deployed. */
  readonly device: (PowerReading & { readonly method: string }) | null;
  readonly sensors: readonly SensorFacts[];
}

/** One for all dialogs: it opens the sensors when somebody looks, and closes them when nobody does. */
const sensorsHere = new LivePower(thisMachine, ownParts.findSensors);

interface Place {
  readonly reader: MeterReader;
  readAtMs: number;
  last: PowerReading;
}

/** A mean over a longer time than this would not be what the device draws now. */
const staleMs = 10_000;
const firstWindowMs = 300;
/** Dialogs that ask at the same time get the same mean. */
const freshMs = 400;

const places = new WeakMap<Device, Place>();

async function powerOf(device: Device): Promise<PowerReading> {
  const known = places.get(device);
  const sinceMs = known === undefined ? Infinity : performance.now() - known.readAtMs;
  if (known !== undefined && sinceMs < freshMs) return known.last;
  const reader = known === undefined || sinceMs > staleMs ? device.openReader() : known.reader;
  if (reader !== known?.reader) await setTimeout(firstWindowMs);
  const last = reader.readPower();
  places.set(device, { reader, readAtMs: performance.now(), last });
  return last;
}

/** @param looksAtThisMachine false for a simulated device: the sensors of this machine say nothing about it */
export async function readLive(device: Device | null, looksAtThisMachine: boolean): Promise<LiveReading> {
  const [power, sensors] = await Promise.all([
    device === null ? null : powerOf(device),
    looksAtThisMachine ? sensorsHere.read() : [],
  ]);
  return {
    device: power === null || device === null ? null : { ...power, method: device.description.powerMethod },
    sensors,
  };
}
