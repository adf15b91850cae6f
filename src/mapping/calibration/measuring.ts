import type { CoLocationNetwork, CoLocationSample } from '../../signals/co-location';
import type { CoLocationRun, CoLocationRunner, NetworkToRun } from '../../signals/co-location-run';
import type { InferenceDevice, OperatingPoint } from '../../signals/device';
import { EcomapError, type ErrorCode } from '../../signals/errors';
import { coLocationOf } from '../estimator/learned/planning-co-location';
import { chooseAnchor } from './anchor';
import type { PlannedCoLocation, PlannedNetwork } from './co-location-plan';
import type { CalibrationNetwork } from './networks';
import type { SampleLog } from './sample-log';
import type { CalibrationRecord } from './sample-records';
import type { Quotas } from './quotas';
import { judge, type Judged } from './steadiness';

export interface MeasuringProgress {
  readonly done: number;
  readonly total: number;
  /** What runs now. */
  readonly text: string;
}

export interface MeasuringOptions {
  readonly plan: readonly PlannedCoLocation[];
  readonly networks: readonly CalibrationNetwork[];
  readonly device: Pick<InferenceDevice, 'components' | 'operatingPointInForce'>;
  readonly runner: Pick<CoLocationRunner, 'measure'>;
  /** Puts the quotas of the plan into force; absent: everything is measured on the device as it is. */
  readonly quotas?: Pick<Quotas, 'take' | 'release'>;
  readonly log: SampleLog;
  /** Of the log, those of this calibration. */
  readonly records: () => readonly CalibrationRecord[];
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MeasuringProgress) => void;
  /** Told about networks that cannot run, once each. */
  readonly warn: (text: string) => void;
}

const anchorEvery = 20;
/** Of the plan, what may be measured again because the device was of another speed. */
const mostAgain = 0.25;
/** A network that failed so often is not tried again. */
const mostFailures = 2;
/** The operating point may change in a measurement so often before it is taken as it is. */
const pointAttempts = 3;

/**
 * Measures what the log does not have yet of a plan, one co-location after another, and an anchor before, between and after them.
 * What the anchors show to be of another speed of the device is measured again at the end, up to a quarter of the plan.
 * @throws EcomapError when nothing can be measured, and the signal's reason when aborted; what was measured is in the log
 */
export async function measurePlan(options: MeasuringOptions): Promise<Judged> {
  return new Measuring(options).run();
}

class Measuring {
  private readonly anchor: PlannedCoLocation | undefined;
  private readonly failures = new Map<number, { count: number; code: ErrorCode; reason: string }>();
  private sinceAnchor = 0;
  private again = 0;

  constructor(private readonly options: MeasuringOptions) {
    this.anchor = chooseAnchor(options.plan, options.networks);
  }

  async run(): Promise<Judged> {
    try {
      return await this.runPlan();
    } finally {
      await this.options.quotas?.release();
    }
  }

  private async runPlan(): Promise<Judged> {
    const { plan, records } = this.options;
    const known = new Set(records().flatMap((record) => (record.kind === 'sample' ? [record.planned] : [])));
    const open = plan.flatMap((_, planned) => (known.has(planned) ? [] : [planned]));
    if (open.length > 0) {
      await this.dropAnchor();
      await this.measureAll(open, known.size);
    }
    const most = Math.floor(mostAgain * plan.length);
    let judged = judge(records());
    while (judged.setAside.length > 0 && this.again < most) {
      const repeated = judged.setAside.slice(0, most - this.again);
      this.again += repeated.length;
      await this.measureAll(repeated, plan.length + this.again - repeated.length);
      judged = judge(records());
    }
    return judged;
  }

  private async measureAll(planned: readonly number[], before: number): Promise<void> {
    let done = before;
    for (const index of planned) {
      await this.measureOne(index, done);
      done += 1;
      this.sinceAnchor += 1;
      if (this.sinceAnchor >= anchorEvery) await this.dropAnchor();
    }
    if (this.sinceAnchor > 0) await this.dropAnchor();
  }

  private async measureOne(planned: number, done: number): Promise<void> {
    const { plan, log, onProgress, clock } = this.options;
    const coLocation = plan[planned];
    if (coLocation === undefined) return;
    const able = coLocation.networks.filter(({ network }) => !this.isGivenUp(network));
    const names = able.map(({ network }) => this.options.networks[network]?.name ?? '').join(', ');
    onProgress({ done, total: plan.length + this.again, text: names });
    await this.options.quotas?.take(coLocation.quota);
    const measured = able.length === 0 ? null : await this.measure(able, coLocation.workload);
    await log.append({
      kind: 'sample',
      at: new Date(clock()).toISOString(),
      planned,
      sample: measured?.sample ?? null,
      powerSource: measured?.run.power.source ?? null,
    });
  }

  private async dropAnchor(): Promise<void> {
    const { anchor } = this;
    const { log, clock } = this.options;
    this.sinceAnchor = 0;
    if (anchor === undefined || anchor.networks.some(({ network }) => this.isGivenUp(network))) return;
    await this.options.quotas?.take(anchor.quota);
    const measured = await this.measure(anchor.networks, anchor.workload);
    if (measured?.sample.latencyS.length !== anchor.networks.length) return;
    const { latencyS } = measured.sample;
    const lnLatency = latencyS.reduce((sum, seconds) => sum + Math.log(seconds), 0) / latencyS.length;
    await log.append({ kind: 'anchor', at: new Date(clock()).toISOString(), point: measured.point.name, lnLatency });
  }

  private isGivenUp(network: number): boolean {
    return (this.failures.get(network)?.count ?? 0) >= mostFailures;
  }

  /** Null where none of them ran. */
  private async measure(
    planned: readonly PlannedNetwork[],
    workload: number,
  ): Promise<{ sample: CoLocationSample; run: CoLocationRun; point: OperatingPoint } | null> {
    const { device, runner, signal } = this.options;
    const requests = planned.map((network) => this.requestOf(network));
    for (let attempt = 1; ; attempt += 1) {
      const point = device.operatingPointInForce();
      const run = await runner.measure(requests, signal);
      signal.throwIfAborted();
      if (attempt < pointAttempts && !samePoint(point, device.operatingPointInForce())) continue;
      this.note(planned, run);
      const sample = this.sampleOf(planned, run, point, workload);
      return sample === null ? null : { sample, run, point };
    }
  }

  private requestOf({ network, way, places, pauseS }: PlannedNetwork): NetworkToRun {
    const { networks, device } = this.options;
    const known = networks[network];
    const firstNodes = known?.ways[way]?.firstNodes ?? [0];
    const stages: { component: string; firstNode: number }[] = [];
    places.forEach((at, stage) => {
      const component = device.components[at]?.name ?? `number ${at}`;
      // Neighbours on one component are one stage.
      if (stages.at(-1)?.component !== component) stages.push({ component, firstNode: firstNodes[stage] ?? 0 });
    });
    if (known === undefined) throw new EcomapError('INTERNAL_ERROR', `There is no network ${network}.`);
    const { name, path, sha256, dims } = known;
    return { name, path, sha256, dims, stages, pauseS };
  }

  private note(planned: readonly PlannedNetwork[], run: CoLocationRun): void {
    for (const { network, name, code, reason } of run.leftOut) {
      const number = planned[network]?.network ?? -1;
      const count = (this.failures.get(number)?.count ?? 0) + 1;
      this.failures.set(number, { count, code, reason });
      if (count === mostFailures) this.options.warn(`${name} is left out of the calibration: ${reason}`);
    }
    const { networks } = this.options;
    const givenUp = [...this.failures.values()].filter(({ count }) => count >= mostFailures);
    const last = givenUp.at(-1);
    if (last !== undefined && givenUp.length === networks.length) {
      throw new EcomapError(last.code, `None of the networks runs here any more. The last one: ${last.reason}`);
    }
  }

  private sampleOf(
    planned: readonly PlannedNetwork[],
    run: CoLocationRun,
    operatingPoint: OperatingPoint,
    workload: number,
  ): CoLocationSample | null {
    const ran = planned.flatMap((network, index) => {
      const result = run.networks[index] ?? null;
      return result === null ? [] : [{ network, result }];
    });
    const { powerW } = run.power;
    if (ran.length === 0 || powerW === null || powerW <= 0) return null;
    const { components } = this.options.device;
    const coLocation = coLocationOf({
      components,
      operatingPoint,
      work: ran.map(({ network: { network, way } }) => {
        const known = this.options.networks[network];
        const ways = known?.waysAt?.(operatingPoint) ?? known?.ways;
        const nothing = { variant: '', ratePerS: 0, priority: 1, costs: [] };
        return { ...nothing, tenant: known?.tenant ?? '', ...ways?.[way]?.work };
      }),
    });
    if (coLocation === null) return null;
    return {
      device: coLocation.device,
      networks: coLocation.networks.map((network, index): CoLocationNetwork => ({
        ...network,
        pauseS: ran[index]?.result.pauseS ?? 0,
        // Requests wait for answers.
        periodS: 0,
      })),
      mapping: ran.map(({ network }) => network.places),
      workload,
      latencyS: ran.map(({ result }) => result.meanMs / 1000),
      tailS: ran.map(({ result }) => result.p95Ms / 1000),
      powerW,
    };
  }
}

const samePoint = (a: OperatingPoint, b: OperatingPoint): boolean => a.name === b.name && a.speed === b.speed;
