import type { CarbonLedger } from '../carbon/accounting/ledger';
import type { CarbonSource } from '../carbon/source';
import type { InferenceExecutor } from '../inference/executor';
import type { Planner, PlanningRound } from '../mapping/planner';
import type { PowerCap } from '../power/power-cap';
import type { VariantSelector } from '../selection/selector';
import type { Cap } from '../signals/cap';
import type { CarbonReading } from '../signals/carbon';
import { messageOf } from '../signals/errors';
import type { Receipt } from '../signals/receipt';
import type { Telemetry } from '../signals/telemetry';

/** The boxes of the picture in the design, each made elsewhere, as far as the wires touch them. */
export interface LoopBoxes {
  readonly source: Pick<CarbonSource, 'read'>;
  readonly powerCap: Pick<PowerCap, 'onCarbon' | 'onPlan'>;
  readonly planner: Pick<Planner, 'onCap' | 'onVariants' | 'setRates' | 'replan' | 'keep' | 'drop'>;
  readonly selector: Pick<VariantSelector, 'onViolated' | 'onTelemetry'>;
  readonly executor: Pick<InferenceExecutor, 'onCarbon' | 'applyPlan' | 'takeTelemetry'>;
  readonly ledger: Pick<CarbonLedger, 'onCarbon' | 'onTelemetry'>;
}

export type LoopStep = 'control' | 'window';

export interface LoopObserver {
  /** A step begins: nothing of it was asked or decided yet. */
  readonly onStep?: (step: LoopStep) => void;
  readonly onControl?: (reading: CarbonReading, cap: Cap, round: PlanningRound) => void;
  readonly onWindow?: (telemetry: Telemetry, receipt: Receipt) => void;
  readonly onError?: (what: string, message: string) => void;
}

/** A plan and a variant choice answer each other at most this often per tick; the selector itself always comes to an end. */
const mostRoundsPerTick = 64;
/** A plan that asks for another operating point is answered by a cap and planned again at most this often per tick; once is usual. */
const mostPointsPerTick = 8;

/** What cap and planner have agreed on; null cap: it stays as it was. */
interface Agreed<SomeCap extends Cap | null> {
  readonly cap: SomeCap;
  readonly round: PlanningRound;
}

/**
 * The wires between the boxes, for where there is no Node-RED: carbon -> cap <-> plan <-> variants -> executor -> ledger.
 * It decides nothing itself. Each step is serialised; a step that fails leaves what is in force and is reported.
 */
export class Loop {
  private busy: Promise<void> = Promise.resolve();
  private timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly boxes: LoopBoxes,
    private readonly observer: LoopObserver = {},
  ) {}

  /** Ticks until `stop`: the control period and the telemetry window in seconds. */
  start(periods: { controlPeriodS: number; windowS: number }): void {
    this.timers.push(
      every(periods.controlPeriodS, () => this.control()),
      every(periods.windowS, () => this.window()),
    );
  }

  /** Stops the ticks and waits for the step under way. The boxes belong to whoever made them. */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.timers = [];
    await this.busy;
  }

  /** Grid -> cap -> plan: one control period. */
  control(): Promise<void> {
    return this.serialised('control', async () => {
      const { source, powerCap, planner, ledger, executor } = this.boxes;
      const reading = await source.read();
      ledger.onCarbon(reading);
      executor.onCarbon(reading);
      const first = await powerCap.onCarbon(reading);
      const { cap, round } = await this.followPoint(first, await this.settle(await planner.onCap(first)));
      this.observer.onControl?.(reading, cap, round);
      await this.apply(round);
    });
  }

  /** Telemetry -> ledger, rates and observed violations: one window. */
  window(): Promise<void> {
    return this.serialised('window', async () => {
      const { planner, selector, ledger, executor } = this.boxes;
      const telemetry = await executor.takeTelemetry();
      const receipt = ledger.onTelemetry(telemetry);
      this.observer.onWindow?.(telemetry, receipt);
      const ratesMoved = planner.setRates(telemetry);
      const variants = selector.onTelemetry(telemetry);
      if (!variants && !ratesMoved) return;
      const first = await (variants ? planner.onVariants(variants) : planner.replan());
      const { round } = await this.followPoint(null, await this.settle(first));
      await this.apply(round);
    });
  }

  /** Lets planner and selector answer each other until the selector has nothing more to give. */
  private async settle(first: PlanningRound): Promise<PlanningRound> {
    let round = first;
    for (let answers = 0; answers < mostRoundsPerTick; answers += 1) {
      const variants = this.boxes.selector.onViolated(round.violated);
      if (!variants) break;
      this.boxes.planner.drop(round.plan);
      round = await this.boxes.planner.onVariants(variants);
    }
    return round;
  }

  /**
   * Hands the plan to the power cap, which puts the operating point it asks for in force where the policy leaves that to the planner;
   * then the plan is made again for what is in force.
   */
  private async followPoint<SomeCap extends Cap | null>(
    cap: SomeCap,
    round: PlanningRound,
  ): Promise<Agreed<SomeCap | Cap>> {
    const { powerCap, planner } = this.boxes;
    let agreed: Agreed<SomeCap | Cap> = { cap, round };
    for (let points = 0; points < mostPointsPerTick; points += 1) {
      const changed = await powerCap.onPlan(agreed.round.plan);
      if (changed === null) break;
      planner.drop(agreed.round.plan);
      agreed = { cap: changed, round: await this.settle(await planner.onCap(changed)) };
    }
    return agreed;
  }

  /** A plan that nobody had a better answer to goes out, also where it breaks limits: the planner has to know. */
  private async apply({ plan }: PlanningRound): Promise<void> {
    this.boxes.planner.keep(plan);
    await this.boxes.executor.applyPlan(plan);
  }

  private serialised(what: LoopStep, work: () => Promise<void>): Promise<void> {
    const step = (): Promise<void> => {
      this.observer.onStep?.(what);
      return work();
    };
    this.busy = this.busy.then(step).catch((error: unknown) => {
      this.observer.onError?.(what, messageOf(error));
    });
    return this.busy;
  }
}

/** A tick that falls due while the one before is still waiting or working is left out: on a slow machine they would pile up. */
function every(periodS: number, step: () => Promise<void>): NodeJS.Timeout {
  let busy = false;
  return setInterval(() => {
    if (busy) return;
    busy = true;
    void step().finally(() => {
      busy = false;
    });
  }, periodS * 1000);
}
