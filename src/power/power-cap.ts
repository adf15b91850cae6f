import type { Cap } from '../signals/cap';
import type { CarbonReading } from '../signals/carbon';
import { EcomapError } from '../signals/errors';
import type { Plan } from '../signals/plan';
import { systemClock, type Clock } from './clock';
import { isHardware, type ActuatorChoice } from './caps/cap-request';
import type { Device } from './device';
import { describeEnergyWarning, energyWarningOf, loadOnOffer } from './energy-per-inference';
import type { MeterReader } from './meters/meter';
import { BudgetPolicy } from './policies/budget';
import { ExternalPolicy } from './policies/external';
import type { KeptBudget } from './policies/kept-budget';
import { makePolicy, policyDefaults, type PolicyConfig } from './policies/make-policy';
import { PlannedPoint } from './policies/planned-point';
import { clampW, formatW, type CapPolicy, type CapRange } from './policies/policy';
import { Steadiness } from './policies/steadiness';

export type { PolicyConfig } from './policies/make-policy';

/** Limits in watts; null takes the device's own, or none. */
export interface CapLimits {
  readonly minimumW: number | null;
  readonly maximumW: number | null;
}

/** What a power cap needs of a device. */
export type CappedDevice = Pick<
  Device,
  'capRange' | 'capRangeFor' | 'operatingPoints' | 'checkActuator' | 'applyCap' | 'releaseCap'
> & {
  openReader(): Pick<MeterReader, 'readPower'>;
};

export interface PowerCapOptions {
  readonly device: CappedDevice;
  readonly policy: PolicyConfig;
  /** What the flow asks for. */
  readonly limits?: CapLimits;
  /** What the flow must not leave (settings.js). */
  readonly hardLimits?: CapLimits;
  /** Smaller changes are ignored, W; null takes 2 % of the range. */
  readonly leastChangeW?: number | null;
  /** Least time before a cap may rise, s. */
  readonly leastDwellS?: number;
  readonly actuator?: ActuatorChoice;
  /** True: hardware may really be changed. */
  readonly apply?: boolean;
  /** Share of the cap that is kept free as long as only the model speaks. */
  readonly guardBand?: number;
  /** The newest reading known from before, so that a cap is there before the next one comes. */
  readonly reading?: CarbonReading | null;
  /** Keeps what is left of a budget; absent: each start forgets it. */
  readonly keptBudget?: KeptBudget;
  readonly clock?: Clock;
}

export const powerCapDefaults = {
  ...policyDefaults,
  leastDwellS: 60,
  leastChangeShare: 0.02,
  guardBandPct: 5,
} as const;

/**
 * Least and most cap: the flow's limits, else the device's, and never outside of the hard limits.
 * @throws EcomapError INVALID_CONFIG when nothing lies between them
 */
export function effectiveRange(own: CapRange, limits: CapLimits | undefined, hard: CapLimits | undefined): CapRange {
  for (const powerW of [limits?.minimumW, limits?.maximumW, hard?.minimumW, hard?.maximumW]) {
    if (typeof powerW === 'number' && !(Number.isFinite(powerW) && powerW >= 0))
      throw new EcomapError('INVALID_CONFIG', `a power limit must be a number of watts from 0 up, not ${powerW}`);
  }
  const lowestW = hard?.minimumW ?? 0;
  const highestW = hard?.maximumW ?? Number.POSITIVE_INFINITY;
  if (lowestW > highestW) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `settings.js: ecomap.power.minimumW (${lowestW}) is above ecomap.power.maximumW (${highestW})`,
    );
  }
  const allowed = { minimumW: lowestW, maximumW: highestW };
  // A default gives way to what the user did set; two settings that contradict each other are refused.
  const minimumW = limits?.minimumW ?? Math.min(own.minimumW, limits?.maximumW ?? own.minimumW, highestW);
  const maximumW = limits?.maximumW ?? Math.max(own.maximumW, minimumW);
  if (minimumW > maximumW)
    throw new EcomapError('INVALID_CONFIG', `the least power (${minimumW} W) is above the most (${maximumW} W)`);
  const range = { minimumW: clampW(minimumW, allowed), maximumW: clampW(maximumW, allowed) };
  if (range.maximumW <= 0) throw new EcomapError('INVALID_CONFIG', 'the most power must be above 0 W');
  if (range.minimumW <= 0) {
    // A cap of 0 W could never be put into force, and would be found out only on the dirtiest hour.
    throw new EcomapError(
      'INVALID_CONFIG',
      'the least power must be above 0 W: leave it empty to take what suits the device',
    );
  }
  return range;
}

/** What a plan says of the work on offer is believed for so long, ms: planners repeat themselves far more often. */
const planHoldsMs = 3_600_000;

/** Decides the cap, puts it into force on the device, reads back and tells. Calls are answered in order. */
export class PowerCap {
  private allowed: CapRange;
  private readonly policy: CapPolicy;
  private readonly steadiness: Steadiness;
  private rangeIsFinal: boolean;
  private budgetIsRestored = false;
  private readonly clock: Clock;
  private readonly reader: Pick<MeterReader, 'readPower'>;
  /** The policy's own place in the meter's count: power since its last decision. */
  private readonly policyReader: Pick<MeterReader, 'readPower'>;
  private readonly plannedPoint = new PlannedPoint();
  /** Work on offer as the last plan tells; null load: it tells nothing of it. */
  private planned: { readonly load: number | null; readonly atMs: number } | null = null;
  private reading: CarbonReading | null;
  private lastCap: Cap | null = null;
  private lastProblem: EcomapError | null = null;
  private tail: Promise<unknown> = Promise.resolve();

  /** @throws EcomapError INVALID_CONFIG for limits, watts or an actuator that cannot be */
  constructor(private readonly options: PowerCapOptions) {
    this.allowed = effectiveRange(options.device.capRange, options.limits, options.hardLimits);
    // What hardware can do is known only once it has been looked for.
    this.rangeIsFinal = !(options.apply === true || isHardware(options.actuator ?? 'auto'));
    this.policy = makePolicy(options.policy);
    this.reading = options.reading ?? null;
    this.clock = options.clock ?? systemClock;
    options.device.checkActuator(options.actuator ?? 'auto');
    this.steadiness = new Steadiness({
      leastChangeW: () => this.leastChangeW,
      leastDwellS: options.leastDwellS ?? powerCapDefaults.leastDwellS,
    });
    this.reader = options.device.openReader();
    this.policyReader = options.device.openReader();
  }

  /** Least and most cap. */
  get range(): CapRange {
    return this.allowed;
  }

  /** What stood in the way of the last cap: CAP_NOT_ENFORCEABLE, or null. */
  get problem(): EcomapError | null {
    return this.lastProblem;
  }

  /** The last answer; null before the first. */
  get cap(): Cap | null {
    return this.lastCap;
  }

  /** The newest reading; null before the first. */
  get newestReading(): CarbonReading | null {
    return this.reading;
  }

  /** The cap for a new reading. */
  onCarbon(reading: CarbonReading): Promise<Cap> {
    return this.inOrder(() => {
      this.reading = reading;
      return this.answer();
    });
  }

  /**
   * The cap for watts that came by message.
   * @throws EcomapError INVALID_MESSAGE when they are not a positive number, or when the policy does not ask for them
   */
  async onLimit(powerW: number): Promise<Cap> {
    const { policy } = this;
    if (!(policy instanceof ExternalPolicy)) {
      const what = `a number came by message, but the policy is ${policy.name}`;
      throw new EcomapError('INVALID_MESSAGE', `${what}: choose the policy external, or send carbon readings`);
    }
    if (!Number.isFinite(powerW) || powerW <= 0)
      throw new EcomapError('INVALID_MESSAGE', `a cap must be a positive number of watts, not ${powerW}`);
    return this.inOrder(() => {
      policy.tell(powerW, this.clock.monotonicMs());
      return this.answer();
    });
  }

  /**
   * Follows the operating point of a plan where the policy leaves it to the planner, and learns how much work is on offer. Null when
   * the cap stays as it is.
   */
  async onPlan(plan: Plan): Promise<Cap | null> {
    this.planned = { load: loadOnOffer(plan), atMs: this.clock.monotonicMs() };
    if (this.policy.followsPlan !== true || !this.canTick) return null;
    return this.inOrder(async () => {
      const measured = this.lastCap?.power.source === 'measured';
      const { operatingPoints } = this.options.device;
      const nowMs = this.clock.monotonicMs();
      const changes = this.plannedPoint.take(plan, operatingPoints, measured, nowMs, this.leastChangeW);
      return changes ? this.answer() : null;
    });
  }

  /** The cap for what is known now: at the start, and as time passes without a usable reading. */
  tick(): Promise<Cap> {
    return this.inOrder(() => this.answer());
  }

  /** True when there is something to decide on without a new reading. */
  get canTick(): boolean {
    return !this.policy.needsCarbon || this.reading !== null;
  }

  /** Gives the device back its full speed, as far as no other power cap holds it. */
  release(): Promise<void> {
    return this.inOrder(async () => {
      await this.keepBudget(null);
      await this.options.device.releaseCap(this);
    });
  }

  private get leastChangeW(): number {
    const { maximumW, minimumW } = this.range;
    return this.options.leastChangeW ?? powerCapDefaults.leastChangeShare * (maximumW - minimumW);
  }

  private inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }

  /**
   * The range of a policy that chooses by carbon is what the device can do. Watts that somebody has named are held to stated
   * limits only: the device's own range is modelled, and may know nothing of what else draws power on it; and of a cap below
   * idle it has to be said that it cannot be reached.
   */
  private policyRange(): CapRange {
    if (this.policy.needsCarbon) return this.range;
    const { limits, hardLimits } = this.options;
    const least = Math.max(limits?.minimumW ?? 0, hardLimits?.minimumW ?? 0);
    const most = Math.min(limits?.maximumW ?? Infinity, hardLimits?.maximumW ?? Infinity);
    return { minimumW: Math.min(least, most), maximumW: most };
  }

  private async restoreBudget(): Promise<void> {
    if (this.budgetIsRestored) return;
    this.budgetIsRestored = true;
    const { keptBudget } = this.options;
    if (keptBudget === undefined || !(this.policy instanceof BudgetPolicy)) return;
    const kept = await keptBudget.load();
    if (kept !== null) this.policy.restore(kept);
  }

  /** @param nowMs null keeps it whenever that was done last */
  private async keepBudget(nowMs: number | null): Promise<void> {
    const state = this.policy instanceof BudgetPolicy ? this.policy.state : null;
    if (state !== null) await this.options.keptBudget?.save(state, nowMs);
  }

  private async answer(): Promise<Cap> {
    const { device, actuator, apply, guardBand, limits, hardLimits } = this.options;
    const request = {
      holder: this,
      ...(actuator === undefined ? {} : { actuator }),
      ...(apply === undefined ? {} : { apply }),
      ...(guardBand === undefined ? {} : { guardBand }),
    };
    if (!this.rangeIsFinal) {
      this.allowed = effectiveRange(await device.capRangeFor(request), limits, hardLimits);
      this.rangeIsFinal = true;
    }
    await this.restoreBudget();
    const nowMs = this.clock.monotonicMs();
    const decision = this.policy.decide(this.reading, this.policyRange(), nowMs, {
      meanPowerW: this.policyReader.readPower().powerW,
      deviceRange: this.range,
    });
    await this.keepBudget(nowMs);
    const { capW: outerW, heldBecause } = this.steadiness.take(decision.capW, nowMs);
    const planned = this.plannedPoint.within(outerW);
    const { capW } = planned;
    const applied = await device.applyCap(capW, request);
    this.lastProblem = applied.problem;
    const stricter = applied.capW < capW ? `another power cap holds this device at ${formatW(applied.capW)}` : null;
    const isFresh = this.planned !== null && nowMs - this.planned.atMs < planHoldsMs;
    const energyWarning = energyWarningOf(
      applied.operatingPoint,
      device.operatingPoints,
      this.range.maximumW,
      isFresh ? (this.planned?.load ?? null) : null,
    );
    const costly = energyWarning === null ? null : describeEnergyWarning(energyWarning);
    const reason = [decision.reason, heldBecause, planned.reason, stricter, applied.how, costly];
    this.lastCap = {
      capW: applied.capW,
      policy: this.policy.name,
      reason: reason.filter((part) => part !== null).join('; '),
      operatingPoint: applied.operatingPoint,
      enforced: applied.enforced,
      power: this.reader.readPower(),
      capUnreachable: applied.capUnreachable,
      ...(energyWarning === null ? {} : { energyWarning }),
      minimumW: Math.min(this.range.minimumW, applied.capW),
      maximumW: Math.max(this.range.maximumW, applied.capW),
      carbon: this.policy.needsCarbon ? this.reading : null,
      ...(decision.quality === undefined
        ? {}
        : { quality: { ...decision.quality, ...(planned.follows ? { outerW } : {}) } }),
    };
    return this.lastCap;
  }
}
