import { CarbonLedger } from '../../carbon/accounting/ledger';
import { gridConfigSchema } from '../../carbon/grid-config';
import { createCarbonSource } from '../../carbon/source';
import { MappingPlanner } from '../../mapping/planner';
import { PlannerProcess } from '../../mapping/planner/planner-process';
import type { WantedEstimator } from '../../mapping/planner/protocol';
import type { ProfileLookup } from '../../mapping/profiles/table';
import { ownThreadEffort } from '../../mapping/rounds/solve';
import { createDevice } from '../../power/device';
import { PowerCap } from '../../power/power-cap';
import { VariantSelector } from '../../selection/selector';
import type { Cap } from '../../signals/cap';
import { EcomapError } from '../../signals/errors';
import type { Tenant } from '../../signals/tenant';
import type { Mix } from '../../simulation/devices/workloads/mixes';
import { CapPeriods } from '../cap-periods';
import type { DayPolicy } from '../day-policy';
import { DayWatch, type DayFigures } from '../day-watch';
import { DecisionTimes } from '../decision-times';
import { Loop } from '../loop';
import type { LoopBoard } from './board';
import { BoardExecutor } from './executor';

export interface BoardDaySurroundings {
  readonly board: LoopBoard;
  readonly mix: Mix;
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileLookup;
  readonly stateDirectory: string;
  /** The one to plan with; absent: the one that is shipped. */
  readonly estimator?: WantedEstimator;
  /** Hours of the day to play; absent: all 24. */
  readonly hours?: number;
  readonly say: (line: string) => void;
}

const dayS = 86_400;
/** Of the simulated time. */
const windowS = 600;
const windowsPerControl = 3;
/** Time of this machine is not of the day: however busy it is, each round gets what it takes, so that the day can be repeated. */
const planning = {
  effort: { evaluations: ownThreadEffort.evaluations },
  startPatienceMs: 60_000,
  roundLimitMs: 120_000,
} as const;

/**
 * A grid day of the whole loop on a simulated board, in simulated time: source, cap, planner in its process, selector and ledger are the
 * product's; hardware and requests are simulated. Every policy meets the same day and the same requests.
 * @throws EcomapError INTERNAL_ERROR where a step of the loop failed: such a day cannot be compared with another
 */
export async function playBoardDay(policy: DayPolicy, around: BoardDaySurroundings): Promise<DayFigures> {
  const { board, mix, profiles, hours = 24 } = around;
  const tenants = policy.swaps
    ? around.tenants
    : around.tenants.map((tenant) => ({ ...tenant, override: { mode: 'off' as const } }));
  const began = Date.UTC(2026, 0, 5);
  let elapsedS = 0;
  const monotonicMs = (): number => 1000 * elapsedS;
  const epochMs = (): number => began + monotonicMs();
  const device = createDevice(board.describe());
  const executor = new BoardExecutor({
    ...{ board, tenants, epochMs, arrivals: mix.arrivals, seed: mix.seed },
    operatingPointInForce: () => device.operatingPointInForce(),
  });
  const source = createCarbonSource(
    gridConfigSchema.parse({
      ...{ provider: 'simulated', zone: 'simulated day', startOffsetH: 10, mode: 'accelerated', dayLengthS: dayS },
    }),
    { now: epochMs, stateDirectory: around.stateDirectory },
  );
  const powerCap = new PowerCap({
    device: {
      capRange: device.capRange,
      operatingPoints: device.operatingPoints,
      capRangeFor: (request) => device.capRangeFor(request),
      checkActuator: (choice) => device.checkActuator(choice),
      applyCap: (capW, request) => device.applyCap(capW, request),
      releaseCap: (holder) => device.releaseCap(holder),
      // The board's own sensor: no process computes for the device's meter.
      openReader: () => ({
        readPower: () => ({ powerW: executor.powerW, source: 'simulated', scope: 'module' }),
      }),
    },
    policy: policy.cap(device.capRange),
    clock: { monotonicMs },
  });
  const solver = new PlannerProcess({
    ...planning,
    ...(around.estimator && { estimator: around.estimator }),
    onProblem: ({ message }) => around.say(`${policy.name}: ${message}`),
  });
  const times = new DecisionTimes();
  const planner = new MappingPlanner({ device, tenants, profiles, solver: times.solver(solver), clock: epochMs });
  const selector = new VariantSelector({ tenants, clock: monotonicMs });
  const ledger = new CarbonLedger({ now: epochMs });
  const watch = new DayWatch(policy.name, () => undefined);
  const capPeriods = new CapPeriods();
  const counts = new Map(tenants.map(({ name }) => [name, { offered: 0, answered: 0, correct: null }]));
  const held = <SomeCap extends Cap | null>(cap: SomeCap): SomeCap => {
    if (cap !== null) capPeriods.holds(cap.capW, monotonicMs());
    return cap;
  };
  let failure: string | null = null;
  const loop = new Loop(
    {
      ...{ source, executor, ledger },
      powerCap: {
        onCarbon: async (reading) => held(await powerCap.onCarbon(reading)),
        // Between control periods, too, where the cap follows the plan.
        onPlan: async (plan) => held(await powerCap.onPlan(plan)),
      },
      planner: times.planner(planner),
      selector: times.selector(selector),
    },
    {
      onControl: (reading, cap, round) => {
        times.decided();
        watch.onControl(reading, cap, round);
      },
      onWindow: (telemetry, receipt) => {
        for (const { tenant, offered, served } of telemetry.tenants) {
          const count = counts.get(tenant);
          if (count === undefined) continue;
          count.offered += offered;
          count.answered += served;
        }
        capPeriods.ends(executor.powerW, monotonicMs());
        watch.onWindow(telemetry, receipt);
      },
      onError: (what, message) => {
        failure ??= `${what}: ${message}`;
      },
    },
  );
  try {
    for (let window = 0; window < (3600 * hours) / windowS; window += 1) {
      if (window % windowsPerControl === 0) await loop.control();
      elapsedS += windowS;
      await loop.window();
      if (failure !== null)
        throw new EcomapError('INTERNAL_ERROR', `The day of ${policy.name} failed: ${String(failure)}`);
    }
    return watch.figures({
      seconds: elapsedS,
      receipt: ledger.receipt(),
      traffic: { counts, latencyMs: executor.latencyMs },
      capPeriods: capPeriods.figures,
      decisions: times.figures,
      loopDelayP99Ms: null,
    });
  } finally {
    await loop.stop();
    await solver.close();
    await powerCap.release();
    await device.close();
    source.close();
  }
}
