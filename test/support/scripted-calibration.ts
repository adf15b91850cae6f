import type { CalibrationStatus, CalibrationSummary, DeviceCalibration } from '../../src/signals/calibration';

const pseudoRandom = (index: number): number => (Math.sin(index * 12.9898) * 43_758.5453) % 1;

/** A calibration that has halved the error and more; what is told of it can be put otherwise. */
export function calibrationSummary(changes: Partial<CalibrationSummary> = {}): CalibrationSummary {
  const points = Array.from({ length: 160 }, (_, index) => {
    const measuredMs = 2 * 10 ** (2 * Math.abs(pseudoRandom(index)));
    return {
      measuredMs,
      beforeMs: measuredMs * Math.exp(0.25 + 0.35 * pseudoRandom(index + 1000)),
      afterMs: measuredMs * Math.exp(0.09 * pseudoRandom(index + 2000)),
    };
  });
  return {
    deviceFingerprint: 'test-device',
    finishedAt: '2026-11-21T20:15:00.000Z',
    kept: true,
    reason: null,
    samples: 157,
    workloads: 32,
    setAside: 3,
    before: { latencyMapePct: 27.4, powerMapePct: 8.1 },
    after: { latencyMapePct: 7.2, powerMapePct: 3.3 },
    additiveMapePct: 41.9,
    floorPct: 4.1,
    powerSource: 'modelled',
    points,
    ...changes,
  };
}

export const idleCalibration: CalibrationStatus = {
  phase: 'idle',
  done: 0,
  total: 0,
  secondsLeft: null,
  text: '',
  code: null,
  summary: null,
};

/** A calibration that does what the test says, and remembers what it was asked. */
export class ScriptedCalibration implements DeviceCalibration {
  readonly asked: string[] = [];
  #status: CalibrationStatus;
  readonly #listeners = new Set<(status: CalibrationStatus) => void>();

  constructor(status: Partial<CalibrationStatus> = {}) {
    this.#status = { ...idleCalibration, ...status };
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  start(samples?: number): void {
    this.asked.push(`start ${samples}`);
    this.become({ phase: 'measuring', done: 0, total: samples ?? 0, secondsLeft: null, text: '', code: null });
  }

  cancel(): void {
    this.asked.push('cancel');
    this.become({ phase: 'cancelled', secondsLeft: null });
  }

  catchUp(): Promise<void> {
    this.asked.push('catch up');
    return Promise.resolve();
  }

  status(): CalibrationStatus {
    return this.#status;
  }

  onChange(listener: (status: CalibrationStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The next status: the one before with these changes. */
  become(changes: Partial<CalibrationStatus>): void {
    this.#status = { ...this.#status, ...changes };
    for (const listener of [...this.#listeners]) listener(this.#status);
  }
}
