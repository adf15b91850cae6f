import { systemClock, type Clock } from '../clock';
import type { Machine } from '../machine/machine';
import type { PowerSample, PowerSensor } from '../meters/sensor';
import type { InspectionParts } from './inspect-machine';
import type { SensorFacts } from './inspection';
import { sensorFacts } from './sensor-facts';

/** Nobody has asked for this long: the sensors are closed. */
const idleMs = 10_000;

/** Two who ask within this get the same answer. */
const freshMs = 400;

interface Watched {
  readonly sensor: PowerSensor;
  last: PowerSample | null;
}

/** The sensors' present readings, for whoever looks: opened with the first question, closed when nobody asks any more. */
export class LivePower {
  private opening: Promise<Watched[]> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private answer: { readonly atMs: number; readonly sensors: Promise<SensorFacts[]> } | null = null;

  constructor(
    private readonly machine: Machine,
    private readonly findSensors: InspectionParts['findSensors'],
    private readonly clock: Clock = systemClock,
  ) {}

  /** Each sensor with its watts now; a sensor that counts energy has none at the first question. */
  read(): Promise<SensorFacts[]> {
    const nowMs = this.clock.monotonicMs();
    if (this.answer === null || nowMs - this.answer.atMs >= freshMs)
      this.answer = { atMs: nowMs, sensors: this.sample() };
    this.closeWhenIdle();
    return this.answer.sensors;
  }

  async close(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.answer = null;
    const opening = this.opening;
    this.opening = null;
    if (opening === null) return;
    const watched = await opening.catch(() => []);
    await Promise.all(watched.map(({ sensor }) => sensor.close()));
  }

  private closeWhenIdle(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.close(), idleMs);
    this.timer.unref();
  }

  private async sample(): Promise<SensorFacts[]> {
    this.opening ??= this.open();
    const isReal = this.machine.files.root === '/';
    return Promise.all(
      (await this.opening).map(async (watched): Promise<SensorFacts> => {
        const { sensor, last } = watched;
        const now = await sensor.sample();
        watched.last = now;
        return sensorFacts(sensor, now, last, isReal);
      }),
    );
  }

  private async open(): Promise<Watched[]> {
    try {
      const { sensors } = await this.findSensors(this.machine);
      return sensors.map((sensor) => ({ sensor, last: null }));
    } catch (error) {
      this.opening = null; // the next question tries again
      throw error;
    }
  }
}
