import { performance } from 'node:perf_hooks';
import { CarbonLedger } from '../carbon/accounting/ledger';
import { createCarbonSource } from '../carbon/source';
import { gridConfigSchema } from '../carbon/grid-config';
import { InferenceExecutor } from '../inference/executor';
import { MappingPlanner } from '../mapping/planner';
import { PlannerProcess } from '../mapping/planner/planner-process';
import type { WantedEstimator } from '../mapping/planner/protocol';
import type { ProfileLookup } from '../mapping/profiles/table';
import type { Device } from '../power/device';
import { PowerCap } from '../power/power-cap';
import { VariantSelector } from '../selection/selector';
import type { Source } from '../signals/quantities';
import type { Receipt } from '../signals/receipt';
import type { Tenant } from '../signals/tenant';
import { SamplePool } from '../simulation/sample-pool';
import type { FamilyName } from '../simulation/samples';
import { Loop } from './loop';
import { Traffic } from './traffic';

/**
 * `always-max`: the most accurate variants at full speed, whatever the grid does. `ecomap`: the loop; `calibrated`: the loop once the
 * estimator has learned this device.
 */
export const demoPolicies = ['always-max', 'ecomap', 'calibrated'] as const;
export type DemoPolicy = (typeof demoPolicies)[number];

export interface DemoFigures {
  readonly policy: DemoPolicy;
  readonly seconds: number;
  readonly energyJ: number | null;
  readonly energySource: Source | null;
  /** Of the whole device, idle included, per answer. */
  readonly energyPerAnswerJ: number | null;
  readonly carbonG: number | null;
  readonly opCdpGs: number | null;
  readonly attainmentPct: number | null;
  readonly effectiveAccuracyPct: number | null;
  /** Right answers among all answers, against the generated truth: an observation beside the model cards. */
  readonly observedAccuracyPct: number | null;
  readonly swaps: number;
  /** Tenants that went to a lighter variant and came back to a heavier one. */
  readonly cameBackUp: number;
  readonly capRangeW: { readonly lowest: number; readonly highest: number } | null;
  readonly intensityRangeGPerKwh: { readonly lowest: number; readonly highest: number } | null;
  readonly requests: Readonly<Record<string, number>>;
}

export interface DemoSurroundings {
  readonly device: Device;
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileLookup;
  readonly stateDirectory: string;
  /** The one to plan with; absent: the one that is shipped. */
  readonly estimator?: WantedEstimator;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** Periods of the accelerated loop: a day passes in about half a minute, so "sustained" means seconds. */
const controlPeriodS = 0.5;
const windowS = 1;
const selectorSettings = { upAfterS: 1.5, dwellS: 1.5 };

const percent = (share: number | null): number | null => (share === null ? null : share * 100);

/**
 * Plays one simulated grid day under one policy, on real inference with live traffic.
 * Every policy meets the same day, the same arrivals and the same samples.
 */
export async function playDay(policy: DemoPolicy, seconds: number, around: DemoSurroundings): Promise<DemoFigures> {
  const steers = policy !== 'always-max';
  const tenants = steers
    ? around.tenants
    : around.tenants.map((tenant) => ({ ...tenant, override: { mode: 'off' as const } }));
  const { device } = around;
  const source = createCarbonSource(
    gridConfigSchema.parse({
      provider: 'simulated',
      mode: 'accelerated',
      dayLengthS: Math.max(1, seconds),
      zone: 'simulated day',
      // Before noon, when this grid is cleanest: the day goes from clean to dirty and back again.
      startOffsetH: 10,
    }),
    { now: Date.now, stateDirectory: around.stateDirectory },
  );
  const powerCap = new PowerCap({
    device,
    policy: steers ? { kind: 'linear' } : { kind: 'fixed', capW: device.capRange.maximumW },
    leastDwellS: 1,
  });
  const solver = new PlannerProcess({
    ...(around.estimator && { estimator: around.estimator }),
    onProblem: ({ message }) => around.say(`${policy}: ${message}`),
  });
  const planner = new MappingPlanner({ device, tenants, profiles: around.profiles, solver, clock: Date.now });
  const selector = new VariantSelector({ tenants, clock: () => performance.now(), settings: selectorSettings });
  const executor = new InferenceExecutor({ device, tenants });
  const ledger = new CarbonLedger({ now: Date.now });
  const families = tenants.map((tenant) => tenant.family) as FamilyName[];
  const pool = new SamplePool(families, 48, around.seed);
  while (pool.grow()) await new Promise((resolve) => setImmediate(resolve));
  const traffic = new Traffic(tenants, pool, around.seed);
  const watch = new DayWatch(policy, around.say);

  const loop = new Loop(
    { source, powerCap, planner, selector, executor, ledger },
    {
      onControl: (reading, cap, round) => {
        watch.onControl(reading.intensityGPerKwh, cap.capW, round.plan);
      },
      onWindow: (_, receipt) => {
        watch.onWindow(receipt);
      },
      onError: (what, message) => {
        around.say(`${policy}: ${what}: ${message}`);
      },
    },
  );
  try {
    await executor.start();
    await loop.control();
    // What it took to get here is not part of the day.
    executor.takeTelemetry();
    ledger.reset();
    ledger.onCarbon(await source.read());
    const beganMs = performance.now();
    traffic.start(executor);
    loop.start({ controlPeriodS, windowS });
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    traffic.stop();
    await loop.stop();
    await loop.window();
    return watch.figures((performance.now() - beganMs) / 1000, ledger.receipt(), traffic);
  } finally {
    traffic.stop();
    await loop.stop();
    await executor.close();
    await solver.close();
    await powerCap.release();
    source.close();
  }
}

interface PlannedVariants {
  readonly tenants: readonly { readonly tenant: string; readonly variant: string; readonly accuracy: number }[];
  readonly operatingPoint: { readonly name: string };
}

/** Follows one day: extremes, steps down and up, and a line every few seconds. */
class DayWatch {
  private readonly caps: number[] = [];
  private readonly intensities: number[] = [];
  private readonly accuracy = new Map<string, number>();
  private readonly wentDown = new Set<string>();
  private readonly cameBack = new Set<string>();
  private now: { intensityGPerKwh: number | null; capW: number; plan: PlannedVariants } | null = null;
  private windows = 0;

  constructor(
    private readonly policy: DemoPolicy,
    private readonly say: (line: string) => void,
  ) {}

  onControl(intensityGPerKwh: number | null, capW: number, plan: PlannedVariants): void {
    this.now = { intensityGPerKwh, capW, plan };
    this.caps.push(capW);
    if (intensityGPerKwh !== null) this.intensities.push(intensityGPerKwh);
    for (const { tenant, accuracy } of plan.tenants) {
      const before = this.accuracy.get(tenant) ?? accuracy;
      if (accuracy < before) this.wentDown.add(tenant);
      if (accuracy > before && this.wentDown.has(tenant)) this.cameBack.add(tenant);
      this.accuracy.set(tenant, accuracy);
    }
  }

  onWindow(receipt: Receipt): void {
    this.windows += 1;
    if (this.windows % 4 !== 0 || !this.now) return;
    const { intensityGPerKwh, capW, plan } = this.now;
    const variants = plan.tenants.map(({ tenant, variant }) => `${tenant} ${variant}`).join(', ');
    const attainment =
      receipt.total.attainment === null
        ? 'no requests yet'
        : `${(receipt.total.attainment * 100).toFixed(1)} % in time`;
    this.say(
      `${this.policy.padEnd(10)} ${intensityGPerKwh?.toFixed(0) ?? 'unknown'} g/kWh -> cap ${capW.toFixed(1)} W (${plan.operatingPoint.name}): ` +
        `${variants}; ${attainment}, ${receipt.total.carbonG?.toPrecision(3) ?? 'unknown'} g so far`,
    );
  }

  figures(seconds: number, receipt: Receipt, traffic: Traffic): DemoFigures {
    const counts = [...traffic.counts.values()];
    const answered = counts.reduce((sum, count) => sum + count.answered, 0);
    const correct = counts.reduce((sum, count) => sum + count.correct, 0);
    const range = (values: readonly number[]) =>
      values.length === 0 ? null : { lowest: Math.min(...values), highest: Math.max(...values) };
    return {
      policy: this.policy,
      seconds,
      energyJ: receipt.total.energyJ,
      energySource: receipt.energySource,
      energyPerAnswerJ: receipt.total.energyPerInferenceJ,
      carbonG: receipt.total.carbonG,
      opCdpGs: receipt.total.opCdpGs,
      attainmentPct: percent(receipt.total.attainment),
      effectiveAccuracyPct: percent(receipt.total.effectiveAccuracy),
      observedAccuracyPct: answered === 0 ? null : (100 * correct) / answered,
      swaps: receipt.total.swaps,
      cameBackUp: this.cameBack.size,
      capRangeW: range(this.caps),
      intensityRangeGPerKwh: range(this.intensities),
      requests: Object.fromEntries([...traffic.counts].map(([tenant, count]) => [tenant, count.offered])),
    };
  }
}
