import type { Clock } from '../../../src/power/clock';
import { describeMachine, type MachineSettings } from '../../../src/power/describe-machine';
import type { Detection } from '../../../src/power/detect';
import type { MachineChanges, Restored, Setting, SettingChange } from '../../../src/power/safety/setting';
import type { CarbonReading } from '../../../src/signals/carbon';
import type { ThrottleTarget } from '../../../src/signals/device';
import type { DeviceDescription } from '../../../src/signals/device-description';
import { EcomapError } from '../../../src/signals/errors';

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

/** Changes of a machine that are remembered only as long as the test runs. */
export class RememberedChanges implements MachineChanges {
  readonly problems: EcomapError[] = [];
  readonly made: SettingChange[] = [];
  private readonly before = new Map<string, { setting: Setting; value: string }>();

  constructor(readonly dryRun = false) {}

  async set(setting: Setting, value: string): Promise<SettingChange> {
    const from = await setting.read();
    const change = { key: setting.key, from, to: value };
    if (this.dryRun) return this.remember({ ...change, inForce: null });
    if (!this.before.has(setting.key)) this.before.set(setting.key, { setting, value: from });
    await setting.write(value);
    const inForce = await setting.read();
    if (!(setting.same?.(value, inForce) ?? value === inForce))
      throw new EcomapError('CAP_NOT_ENFORCEABLE', `${setting.key} is ${inForce} instead of ${value}`);
    return this.remember({ ...change, inForce });
  }

  async restore(): Promise<Restored> {
    for (const { setting, value } of [...this.before.values()].reverse()) await setting.write(value);
    return { restored: [...this.before.keys()].reverse(), leftToOthers: [], failed: [] };
  }

  private remember(change: SettingChange): SettingChange {
    this.made.push(change);
    return change;
  }
}
