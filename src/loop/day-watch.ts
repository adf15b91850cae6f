import type { PlanningRound } from '../mapping/planner';
import type { Cap } from '../signals/cap';
import type { CarbonReading } from '../signals/carbon';
import { gramsOf, type Source } from '../signals/quantities';
import type { Receipt } from '../signals/receipt';
import type { Telemetry } from '../signals/telemetry';
import type { CapPeriodFigures } from './cap-periods';
import type { DecisionFigures } from './decision-times';

export interface DayFigures {
  readonly policy: string;
  readonly seconds: number;
  readonly energyJ: number | null;
  readonly energySource: Source | null;
  /** What the device would have drawn doing nothing, and what its work added to that. */
  readonly idleEnergyJ: number | null;
  readonly dynamicEnergyJ: number | null;
  /** Of the answers alone: loading a variant takes as long in a fast day as in a real one, and so weighs far too much. */
  readonly servingEnergyJ: number | null;
  readonly servingCarbonG: number | null;
  /** Of doing nothing and of the answers: the grams without what loading variants took. */
  readonly steadyCarbonG: number | null;
  /** Of the whole device, idle included, per answer. */
  readonly energyPerAnswerJ: number | null;
  readonly carbonG: number | null;
  readonly opCdpGs: number | null;
  /** Against even power of the same energy, or the same share of always-max: what the choice of the time gained, %. */
  readonly timingGainPct: number | null;
  /** Of all answers, from arrival to answer, ms. */
  readonly latencyMs: { readonly p50: number; readonly p99: number } | null;
  readonly attainmentPct: number | null;
  /** The same of the tenant that fares worst. */
  readonly leastAttainmentPct: number | null;
  readonly effectiveAccuracyPct: number | null;
  /** Right answers among all answers, against the generated truth: an observation beside the model cards. */
  readonly observedAccuracyPct: number | null;
  readonly swaps: number;
  /** Tenants that went to a lighter variant and came back to a heavier one. */
  readonly cameBackUp: number;
  readonly capRangeW: { readonly lowest: number; readonly highest: number } | null;
  readonly capPeriods: CapPeriodFigures;
  readonly decisions: DecisionFigures;
  /** How late this process, which stands for Node-RED's, was meanwhile, 99th percentile, ms; null where it simulates. */
  readonly loopDelayP99Ms: number | null;
  readonly intensityRangeGPerKwh: { readonly lowest: number; readonly highest: number } | null;
  readonly requests: Readonly<Record<string, number>>;
}

/** What became of the requests. */
export interface AnsweredTraffic {
  /** By tenant; correct answers are null where nobody knows which they are. */
  readonly counts: ReadonlyMap<
    string,
    { readonly offered: number; readonly answered: number; readonly correct: number | null }
  >;
  readonly latencyMs: { readonly p50: number; readonly p99: number } | null;
}

/** What a day's other observers have to say at its end. */
export interface DayEnd {
  readonly seconds: number;
  readonly receipt: Receipt;
  readonly traffic: AnsweredTraffic;
  readonly capPeriods: CapPeriodFigures;
  readonly decisions: DecisionFigures;
  readonly loopDelayP99Ms: number | null;
}

/** Every so many windows a line tells how the day goes. */
const tellEvery = 4;

const percent = (share: number | null): number | null => (share === null ? null : share * 100);

/** Follows one day: extremes, steps down and up, idle energy, and a line every few seconds. */
export class DayWatch {
  private readonly caps: number[] = [];
  private readonly intensities: number[] = [];
  private readonly accuracy = new Map<string, number>();
  private readonly wentDown = new Set<string>();
  private readonly cameBack = new Set<string>();
  private now: { reading: CarbonReading; cap: Cap; plan: PlanningRound['plan'] } | null = null;
  private windows = 0;
  /** Null once a window did not know it. */
  private idleJ: number | null = 0;

  constructor(
    private readonly policy: string,
    private readonly say: (line: string) => void,
  ) {}

  onControl(reading: CarbonReading, cap: Cap, { plan }: PlanningRound): void {
    this.now = { reading, cap, plan };
    this.caps.push(cap.capW);
    if (reading.intensityGPerKwh !== null) this.intensities.push(reading.intensityGPerKwh);
    for (const { tenant, accuracy } of plan.tenants) {
      const before = this.accuracy.get(tenant) ?? accuracy;
      if (accuracy < before) this.wentDown.add(tenant);
      if (accuracy > before && this.wentDown.has(tenant)) this.cameBack.add(tenant);
      this.accuracy.set(tenant, accuracy);
    }
  }

  onWindow({ energy }: Telemetry, { total }: Receipt): void {
    this.idleJ = this.idleJ === null || energy.idleJ === null ? null : this.idleJ + energy.idleJ;
    this.windows += 1;
    if (this.windows % tellEvery !== 0 || !this.now) return;
    const { reading, cap, plan } = this.now;
    const variants = plan.tenants.map(({ tenant, variant }) => `${tenant} ${variant}`).join(', ');
    const attainment =
      total.attainment === null ? 'no requests yet' : `${(total.attainment * 100).toFixed(1)} % in time`;
    this.say(
      `${this.policy.padEnd(10)} ${reading.intensityGPerKwh?.toFixed(0) ?? 'unknown'} g/kWh -> cap ${cap.capW.toFixed(1)} W (${plan.operatingPoint.name}): ` +
        `${variants}; ${attainment}, ${total.carbonG?.toPrecision(3) ?? 'unknown'} g so far`,
    );
  }

  figures({ seconds, receipt, traffic, ...others }: DayEnd): DayFigures {
    const { total, energySource, constantCap } = receipt;
    const counts = [...traffic.counts.values()];
    const answered = counts.reduce((sum, count) => sum + count.answered, 0);
    const correct = sumOf(counts.map((count) => count.correct));
    const latency = traffic.latencyMs;
    const { idleJ } = this;
    const servingCarbonG = sumOf(receipt.tenants.map(({ carbonG }) => carbonG));
    const idleCarbonG = gramsOf(idleJ, meanIntensityOf(receipt));
    return {
      policy: this.policy,
      seconds,
      energyJ: total.energyJ,
      energySource,
      idleEnergyJ: idleJ,
      dynamicEnergyJ: total.energyJ === null || idleJ === null ? null : total.energyJ - idleJ,
      servingEnergyJ: sumOf(receipt.tenants.map(({ energyJ }) => energyJ)),
      servingCarbonG,
      steadyCarbonG: sumOf([idleCarbonG, servingCarbonG]),
      energyPerAnswerJ: total.energyPerInferenceJ,
      carbonG: total.carbonG,
      opCdpGs: total.opCdpGs,
      timingGainPct: constantCap?.timingGainPct ?? null,
      latencyMs: latency === null ? null : { p50: latency.p50, p99: latency.p99 },
      attainmentPct: percent(total.attainment),
      leastAttainmentPct: percent(
        receipt.tenants.reduce<number | null>(
          (least, { attainment }) => (attainment === null ? least : Math.min(least ?? 1, attainment)),
          null,
        ),
      ),
      effectiveAccuracyPct: percent(total.effectiveAccuracy),
      observedAccuracyPct: answered === 0 || correct === null ? null : (100 * correct) / answered,
      swaps: total.swaps,
      cameBackUp: this.cameBack.size,
      capRangeW: rangeOf(this.caps),
      ...others,
      intensityRangeGPerKwh: rangeOf(this.intensities),
      requests: Object.fromEntries([...traffic.counts].map(([tenant, count]) => [tenant, count.offered])),
    };
  }
}

/** A window after the end of a day: what it takes to give the last answers is of the day, doing nothing meanwhile is not. */
export function withoutIdle(telemetry: Telemetry): Telemetry {
  const { totalJ, idleJ } = telemetry.energy;
  const workJ = totalJ === null || idleJ === null ? null : Math.max(0, totalJ - idleJ);
  return { ...telemetry, energy: { ...telemetry.energy, totalJ: workJ, idleJ: idleJ === null ? null : 0 } };
}

/** Over time; null where readings of several kinds were in force, which do not compare. */
function meanIntensityOf({ carbon: { chains } }: Receipt): number | null {
  const [chain] = chains;
  return chain === undefined || chains.length > 1 ? null : chain.meanIntensityGPerKwh;
}

const sumOf = (parts: readonly (number | null)[]): number | null =>
  parts.reduce<number | null>((sum, part) => (sum === null || part === null ? null : sum + part), 0);

const rangeOf = (values: readonly number[]): { lowest: number; highest: number } | null =>
  values.length === 0 ? null : { lowest: Math.min(...values), highest: Math.max(...values) };
