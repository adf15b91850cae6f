import { monitorEventLoopDelay } from 'node:perf_hooks';
import { CarbonLedger } from '../carbon/accounting/ledger';
import { createCarbonSource } from '../carbon/source';
import { gridConfigSchema, type GridConfigInput } from '../carbon/grid-config';
import { InferenceExecutor } from '../inference/executor';
import { MappingPlanner } from '../mapping/planner';
import { PlannerProcess } from '../mapping/planner/planner-process';
import type { WantedEstimator } from '../mapping/planner/protocol';
import type { ProfileLookup } from '../mapping/profiles/table';
import type { Device } from '../power/device';
import { PowerCap } from '../power/power-cap';
import { VariantSelector } from '../selection/selector';
import type { CarbonReading } from '../signals/carbon';
import type { Plan } from '../signals/plan';
import type { Telemetry } from '../signals/telemetry';
import type { Tenant } from '../signals/tenant';
import { SamplePool } from '../simulation/sample-pool';
import type { FamilyName } from '../simulation/samples';
import { CapPeriods } from './cap-periods';
import { DayClock } from './day-clock';
import type { DayPolicy } from './day-policy';
import { DayWatch, withoutIdle, type DayFigures } from './day-watch';
import { DecisionTimes } from './decision-times';
import { Loop } from './loop';
import { startRecording } from './recording/start-recording';
import { machineTime, StepClock } from './recording/step-clock';
import { Traffic } from './traffic';

export interface DemoSurroundings {
  readonly device: Device;
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileLookup;
  readonly stateDirectory: string;
  /** The grid whose day is played, from the hour that it starts at; absent: a simulated day. */
  readonly grid?: GridConfigInput;
  /** The one to plan with; absent: the one that is shipped. */
  readonly estimator?: WantedEstimator;
  readonly seed: number;
  /** A file to be made: what the loop decides on and decides goes there. Only for policies with the product's selector. */
  readonly recordTo?: string;
  readonly say: (line: string) => void;
}

/** Periods of the accelerated loop: a day passes in about half a minute, so "sustained" means seconds. */
const controlPeriodS = 0.5;
const windowS = 1;
const selectorSettings = { upAfterS: 1.5, dwellS: 1.5 };
/** Least time before a cap may rise. */
const capDwellS = 1;

/** How often the account looks at the grid: hours are short, and a step of the loop that loads variants may take longer than one. */
const gridLookMs = 250;

/** How long a day waits for its last answers. */
const lastAnswerMs = 2_000;

/** The timer whose lateness is measured. */
const delayResolutionMs = 2;

const simulatedDay: GridConfigInput = {
  provider: 'simulated',
  zone: 'simulated day',
  // Before noon, when this grid is cleanest: the day goes from clean to dirty and back again.
  startOffsetH: 10,
};

/**
 * Plays one grid day under one policy, on real inference with live traffic.
 * Every policy meets the same day, the same arrivals and the same samples.
 * @param dayLengthS what the day takes here, s
 */
export async function playDay(policy: DayPolicy, dayLengthS: number, around: DemoSurroundings): Promise<DayFigures> {
  const tenants = policy.swaps
    ? around.tenants
    : around.tenants.map((tenant) => ({ ...tenant, override: { mode: 'off' as const } }));
  const { device } = around;
  const day = new DayClock(Math.max(1, dayLengthS));
  const clock = new StepClock(machineTime(() => day.monotonicMs()));
  const cap = { policy: policy.cap(device.capRange), leastDwellS: capDwellS * day.speed };
  const recording =
    around.recordTo === undefined
      ? null
      : await startRecording(around.recordTo, {
          ...{ device, tenants, profiles: around.profiles, cap, selector: selectorSettings, seed: around.seed, clock },
          ...(around.estimator && { estimator: around.estimator }),
          onProblem: around.say,
        });
  const source = createCarbonSource(
    gridConfigSchema.parse({
      ...(around.grid ?? simulatedDay),
      mode: 'accelerated',
      dayLengthS: Math.max(1, dayLengthS),
    }),
    { now: () => day.epochMs(), stateDirectory: around.stateDirectory },
  );
  const powerCap = new PowerCap({
    device: recording?.recorder.device(device) ?? device,
    ...cap,
    clock: { monotonicMs: clock.policyMs },
  });
  const solver = new PlannerProcess({
    ...recording?.planning,
    ...(around.estimator && { estimator: around.estimator }),
    onProblem: ({ message }) => around.say(`${policy.name}: ${message}`),
  });
  const times = new DecisionTimes();
  const planner = new MappingPlanner({
    ...{ device, tenants, profiles: around.profiles },
    solver: times.solver(solver),
    clock: clock.epochMs,
  });
  const selector =
    policy.selector?.({ tenants, windowsPerHour: 3600 / day.speed / windowS }) ??
    new VariantSelector({ tenants, clock: clock.monotonicMs, settings: selectorSettings });
  const executor = new InferenceExecutor({ device, tenants });
  const ledger = new CarbonLedger({ now: Date.now });
  const families = tenants.map((tenant) => tenant.family) as FamilyName[];
  const pool = new SamplePool(families, 48, around.seed);
  while (pool.grow()) await new Promise((resolve) => setImmediate(resolve));
  const traffic = new Traffic(tenants, pool, around.seed);
  const watch = new DayWatch(policy.name, around.say);
  const capPeriods = new CapPeriods();
  const powerReader = device.openReader();
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });

  const cappedPower = {
    onCarbon: async (reading: CarbonReading) => {
      capPeriods.ends(powerReader.readPower().powerW, performance.now());
      const cap = await powerCap.onCarbon(reading);
      capPeriods.holds(cap.capW, performance.now());
      return cap;
    },
    onPlan: async (plan: Plan) => {
      const cap = await powerCap.onPlan(plan);
      if (cap !== null) capPeriods.holds(cap.capW, performance.now());
      return cap;
    },
  };
  const boxes = {
    ...{ source, executor, ledger },
    powerCap: cappedPower,
    planner: times.planner(planner),
    selector: times.selector(selector),
  };
  const loop = new Loop(recording?.recorder.boxes(boxes) ?? boxes, {
    onStep: (step) => {
      clock.advance();
      recording?.recorder.onStep(step);
    },
    onControl: (reading, cap, round) => {
      times.decided();
      watch.onControl(reading, cap, round);
    },
    onWindow: (telemetry, receipt) => {
      watch.onWindow(telemetry, receipt);
    },
    onError: (what, message) => {
      around.say(`${policy.name}: ${what}: ${message}`);
    },
  });
  let gridLook: NodeJS.Timeout | undefined;
  try {
    await executor.start();
    await loop.control();
    // What it took to get here is not part of the day.
    executor.takeTelemetry();
    ledger.reset();
    ledger.onCarbon(await source.read());
    times.restart();
    powerReader.readPower();
    capPeriods.restart(performance.now());
    delay.enable();
    day.begin();
    traffic.start(executor);
    gridLook = setInterval(() => void source.read().then((reading) => ledger.onCarbon(reading)), gridLookMs);
    loop.start({ controlPeriodS, windowS });
    await new Promise((resolve) => setTimeout(resolve, dayLengthS * 1000));
    traffic.stop();
    clearInterval(gridLook);
    delay.disable();
    const seconds = day.elapsedMs / 1000;
    const account = (telemetry: Telemetry): void => watch.onWindow(telemetry, ledger.onTelemetry(telemetry));
    // The day ends now, and not with a step that is still under way; what waits is answered and counts.
    const stopped = loop.stop();
    account(executor.takeTelemetry());
    if (!(await traffic.settled(lastAnswerMs)))
      around.say(`${policy.name}: some requests have no answer at the end of the day`);
    account(withoutIdle(executor.takeTelemetry()));
    const figures = watch.figures({
      seconds,
      receipt: ledger.receipt(),
      traffic,
      capPeriods: capPeriods.figures,
      decisions: times.figures,
      loopDelayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - delayResolutionMs),
    });
    await stopped;
    return figures;
  } finally {
    clearInterval(gridLook);
    delay.disable();
    traffic.stop();
    await loop.stop();
    await recording?.close();
    await executor.close();
    await solver.close();
    await powerCap.release();
    source.close();
  }
}
