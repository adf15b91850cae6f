import type { Clock } from '../../../src/power/clock';
import { describeMachine, type MachineSettings } from '../../../src/power/describe-machine';
import type { Detection } from '../../../src/power/detect';
import type { CarbonReading } from '../../../src/signals/carbon';
import type { ThrottleTarget } from '../../../src/signals/device';
import type { DeviceDescription } from '../../../src/signals/device-description';

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  private nowMs = 1_000;

  monotonicMs(): number {
    return this.nowMs;
  }

  passS(seconds: number): void {
    this.nowMs += seconds * 1000;
  }
}

/** A host that does as it is told and remembers it. */
export class FakeHost implements ThrottleTarget {
  readonly asked: number[] = [];
  cpuS = 0;
  /** What it claims to be paced to; null obeys. */
  claims: number | null = null;
  failure: Error | null = null;

  constructor(
    readonly component: string,
    readonly pid = 4242,
  ) {}

  cpuSeconds(): number {
    return this.cpuS;
  }

  pace(share: number): Promise<number> {
    if (this.failure !== null) return Promise.reject(this.failure);
    this.asked.push(share);
    return Promise.resolve(this.claims ?? share);
  }

  get share(): number | undefined {
    return this.asked.at(-1);
  }
}

export const twoCores: Detection = {
  arch: 'x64',
  cpuModel: 'Test CPU',
  boardModel: null,
  deviceClass: 'x86-box',
  cores: [0, 1],
  coresFrom: 'affinity',
  canPin: true,
};

/** Two components `cpu0` and `cpu1`, 10 W idle, 30 W at full load. */
export function twoCoreMachine(settings: Partial<MachineSettings> = {}): DeviceDescription {
  return describeMachine(twoCores, { components: null, idleW: 10, fullLoadW: 30, ...settings });
}

/** No control groups: hosts are paced. */
export const withoutGroups = { procCgroupFile: '/nonexistent/cgroup' } as const;

export function reading(intensityGPerKwh: number | null, fields: Partial<CarbonReading> = {}): CarbonReading {
  return {
    intensityGPerKwh,
    signal: 'average',
    basis: 'lifecycle',
    zone: 'GB',
    validFrom: '2025-01-01T00:00:00Z',
    validTo: '2025-01-01T00:30:00Z',
    fetchedAt: '2025-01-01T00:00:00Z',
    provider: 'test',
    quality: intensityGPerKwh === null ? 'unknown' : 'measured',
    suspect: false,
    forecast: [],
    range24h: null,
    trailingBounds: null,
    attribution: 'test',
    why: [],
    ...fields,
  };
}
