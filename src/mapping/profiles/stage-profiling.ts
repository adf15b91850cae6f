import { clockSpeed, type Component, type OperatingPoint } from '../../signals/device';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import {
  clockSpeedOf,
  isSameClock,
  type EnergyReader,
  type Profile,
  type ProfileRequest,
  type ProfileRunner,
  type StageSpan,
} from '../../signals/profile';
import { stageCostOf } from '../costs';
import { ensureOperations, type DescribeModel } from './counting';
import { chooseStages } from './cut-choice';
import { findModels, representatives, type ProfiledModel } from './models';
import { stageInputDims } from './operations';
import type { ProfilingOptions } from './profiling';
import { SpeedWatch } from './speed-watch';
import { ProfileTable } from './table';

export interface StageProfilingOptions extends Omit<ProfilingOptions, 'runner' | 'onExcluded'> {
  /** Null measures nothing: takes what is stored. */
  readonly runner: Pick<ProfileRunner, 'measure' | 'anchorLatencyMs'> | null;
  /** With the profiles of the whole variants; filled further. */
  readonly table: ProfileTable;
  readonly describe: DescribeModel;
  /** A variant is cut into at most so many stages; default 2. */
  readonly mostStages?: number;
  /** Has the energy of each inference; absent: it stays unknown. */
  readonly meter?: EnergyReader;
}

/** A stage of this share of the whole or more leaves too little to the others: the cut is not offered, however it was estimated. */
const longestShare = 0.85;

/** Where the clocks change during a measurement it is repeated, so many times in all. */
const mostAttempts = 3;

/** One profile to be had. */
interface Part {
  readonly model: ProfiledModel;
  readonly component: Component;
  /** Undefined: the whole variant. */
  readonly stage: StageSpan | undefined;
}

/**
 * Makes sure that every variant, and every stage of those that are worth cutting, has a thorough profile at the operating point in
 * force on every class of component. Variants are cut on a device with at least two components where they take 2 ms or more.
 *
 * A device may change its speed meanwhile (heat): a small model of our own is measured at the beginning and with every profile.
 * Profiles that were measured more than 10 % away from the speed of now are marked and measured again: stored ones at once, new ones
 * once more at the end; those that are still off stay marked, and are measured again the next time. Quick profiles are measured again
 * thoroughly, all others never.
 *
 * A stage that cannot be measured leaves its variant in one piece, a component that is gone is left out with a warning.
 * @throws EcomapError when nothing can be measured at all; the signal's reason when aborted. Whatever was measured until then is in
 * the store, so that the next call goes on from there.
 */
export async function ensureStageProfiles(options: StageProfilingOptions): Promise<void> {
  await ensureOperations(options);
  await new StageProfiling(options).run();
}

/** What of it was measured before, into the table: measures nothing. @throws the signal's reason when aborted */
export function recallStageProfiles(options: Omit<StageProfilingOptions, 'runner'>): Promise<void> {
  return ensureStageProfiles({ ...options, runner: null });
}

class StageProfiling {
  /** Speed of the clocks at the beginning: profiles at this one are to be had. */
  private readonly clock: number;
  private readonly watch: SpeedWatch | null;
  /** Classes whose speed at the beginning is known, or that were found gone. */
  private readonly begun = new Set<string>();
  private readonly gone = new Map<string, unknown>();
  /** Variants that cannot be measured in stages. */
  private readonly uncut = new Set<ProfiledModel>();
  private readonly measured = new Map<Part, Profile>();
  private done = 0;
  private total = 0;

  constructor(private readonly options: StageProfilingOptions) {
    this.clock = clockSpeed(options.device.operatingPointInForce());
    this.watch = options.runner === null ? null : new SpeedWatch(options.runner, options.signal);
  }

  async run(): Promise<void> {
    const { options } = this;
    const models = await this.models();
    const classes = representatives(options.device.components);
    const stages = new Map(models.map((model) => [model, this.stagesFor(model)]));
    const parts = models.flatMap((model) =>
      [undefined, ...(stages.get(model) ?? [])].flatMap((stage) =>
        classes.map((component): Part => ({ model, component, stage })),
      ),
    );
    this.total = parts.length;
    for (const [index, part] of parts.entries()) {
      await this.have(part);
      this.done += 1;
      this.progress(part);
      const isLast = parts[index + 1]?.model !== part.model;
      if (isLast) this.offer(part.model, stages.get(part.model) ?? []);
    }
    // Only now is it known how fast the device is.
    const again = [...this.measured].filter(([, profile]) => this.watch?.isOff(profile)).map(([part]) => part);
    this.total += again.length;
    for (const part of again) {
      await this.measure(part);
      this.done += 1;
      this.progress(part);
    }
    for (const { model } of again) this.offer(model, stages.get(model) ?? []);
    if (classes.length > 0 && this.gone.size === classes.length) throw [...this.gone.values()][0];
  }

  private async models(): Promise<ProfiledModel[]> {
    const { tenants, table, signal, hashFile } = this.options;
    // What is wrong with a file was said when it was profiled.
    const models = await findModels({ tenants, signal, hashFile }, new ProfileTable());
    return models
      .map((model) => ({
        ...model,
        uses: model.uses.filter(({ tenant, variant }) => table.exclusionOf(tenant.name, variant.name) === null),
      }))
      .filter(({ uses }) => uses.length > 0);
  }

  /** Empty where the variant is to stay in one piece. */
  private stagesFor({ uses: [first] }: ProfiledModel): StageSpan[] {
    const { table, device, mostStages = 2 } = this.options;
    if (first === undefined || device.components.length < 2) return [];
    const [tenant, variant] = [first.tenant.name, first.variant.name];
    const counts = table.countsOf(tenant, variant);
    const wholeMs = Math.min(
      ...device.components.map((component) => {
        const profile = table.profileOf(tenant, variant, component.componentClass);
        return profile === null ? Infinity : stageCostOf(profile, component).p50Ms;
      }),
    );
    return counts === null || !Number.isFinite(wholeMs) ? [] : chooseStages(counts, wholeMs, mostStages);
  }

  /** Takes the stored profile, or measures it. */
  private async have(part: Part): Promise<void> {
    const { store, device, signal } = this.options;
    const { model, component, stage } = part;
    signal?.throwIfAborted();
    if (this.gone.has(component.componentClass)) return;
    if (stage !== undefined && this.uncut.has(model)) return;
    const stored = await store.find(
      model.sha256,
      component.componentClass,
      device.fingerprint,
      { stage, dims: model.dims },
      this.clock,
    );
    const isThere = stored !== null && stored.thorough === true && isSameClock(clockSpeedOf(stored), this.clock);
    if (this.options.runner === null) {
      if (stored !== null) this.keep(model, stored);
      return;
    }
    if (isThere && stored.suspect !== true && !(await this.isOutdated(stored, component))) {
      this.keep(model, stored);
    } else if (!this.gone.has(component.componentClass)) await this.measure(part);
  }

  /** A stored profile of a device at another speed is marked first, so that it is measured again also after an interruption. */
  private async isOutdated(stored: Profile, component: Component): Promise<boolean> {
    if (!(await this.begin(component)) || this.watch?.isOff(stored) !== true) return false;
    await this.save({ ...stored, suspect: true });
    return true;
  }

  /** @returns false where the component is gone */
  private async begin(component: Component): Promise<boolean> {
    const { componentClass } = component;
    if (this.begun.has(componentClass)) return !this.gone.has(componentClass);
    this.begun.add(componentClass);
    try {
      await this.watch?.begin(component);
      return true;
    } catch (error) {
      this.options.signal?.throwIfAborted();
      if (!(error instanceof EcomapError) || error.code === 'NODE_CLOSED') throw error;
      this.leaveOut(component, error);
      return false;
    }
  }

  private async measure(part: Part): Promise<void> {
    const { runner, device, signal, meter } = this.options;
    const { model, component, stage } = part;
    if (runner === null || !(await this.begin(component))) return;
    this.progress(part);
    this.options.onMeasure?.();
    const measureAt = ({ name }: OperatingPoint, clock: number): Promise<Profile> =>
      runner.measure({
        path: model.path,
        sha256: model.sha256,
        dims: model.dims,
        component,
        deviceFingerprint: device.fingerprint,
        operatingPoint: { name, clockSpeed: clock },
        thorough: true,
        ...(stage && { stage, ...this.inputDimsOf(model, stage) }),
        ...(meter && { meter }),
        ...(signal && { signal }),
      });
    let measured: Profile;
    let changed: boolean;
    let attempts = 0;
    try {
      do {
        const before = device.operatingPointInForce();
        const clock = clockSpeed(before);
        measured = await measureAt(before, clock);
        changed = !isSameClock(clockSpeed(device.operatingPointInForce()), clock);
        attempts += 1;
      } while (changed && attempts < mostAttempts);
    } catch (error) {
      signal?.throwIfAborted();
      await this.failed(part, error);
      return;
    }
    // The speed of the device is watched at the clocks of the beginning; at others it is another one.
    const isWatched = !changed && isSameClock(clockSpeedOf(measured), this.clock);
    if (isWatched) this.watch?.saw(measured);
    const suspect = changed || (isWatched && this.watch?.isOff(measured) === true);
    const profile = suspect ? { ...measured, suspect } : measured;
    if (isWatched) this.measured.set(part, profile);
    await this.save(profile);
    this.keep(model, profile);
  }

  private inputDimsOf(
    { uses: [first] }: ProfiledModel,
    { firstNode }: StageSpan,
  ): Partial<Pick<ProfileRequest, 'inputDims'>> {
    const counts = first && this.options.table.countsOf(first.tenant.name, first.variant.name);
    return counts ? { inputDims: stageInputDims(counts, firstNode) } : {};
  }

  private async failed({ model, component, stage }: Part, error: unknown): Promise<void> {
    if (!isEcomapError(error) || error.code === 'NODE_CLOSED') throw error;
    if (error.code === 'RUNTIME_UNAVAILABLE' || (await this.watch?.isGone(component)) === true) {
      this.leaveOut(component, error);
      return;
    }
    if (stage !== undefined) this.uncut.add(model);
    this.options.warn(
      `${namesOf(model)} ${stage === undefined ? 'keeps its first profile' : 'stays in one piece'}, because it could not be ` +
        `measured on ${component.componentClass}: ${error.message}`,
    );
  }

  private leaveOut({ componentClass }: Component, error: unknown): void {
    this.gone.set(componentClass, error);
    this.options.warn(`Nothing more is measured on ${componentClass}, because nothing runs there: ${messageOf(error)}`);
  }

  private async save(profile: Profile): Promise<void> {
    try {
      await this.options.store.save(profile);
    } catch (error) {
      this.options.warn(`A profile could not be saved and will be measured again after a restart: ${messageOf(error)}`);
    }
  }

  private keep(model: ProfiledModel, profile: Profile): void {
    for (const { tenant, variant } of model.uses) this.options.table.set(tenant.name, variant.name, profile);
  }

  /** Tells the table about the stages of a variant where all are measured and none is nearly the whole. */
  private offer(model: ProfiledModel, stages: readonly StageSpan[]): void {
    const { table } = this.options;
    const [first] = model.uses;
    if (first === undefined || stages.length < 2) return;
    const isGood = !this.uncut.has(model) && this.splitsWell(first.tenant.name, first.variant.name, stages);
    for (const { tenant, variant } of model.uses) table.setStages(tenant.name, variant.name, isGood ? stages : []);
  }

  private splitsWell(tenant: string, variant: string, stages: readonly StageSpan[]): boolean {
    const { table, device } = this.options;
    const classes = representatives(device.components);
    const costMs = (profile: Profile | null, component: Component): number | null =>
      profile === null ? null : stageCostOf(profile, component).p50Ms;
    const wholeMs = classes.map((component) =>
      costMs(table.profileOf(tenant, variant, component.componentClass, this.clock), component),
    );
    return stages.every((stage) => {
      const stageMs = classes.map((component) =>
        costMs(table.stageProfileOf(tenant, variant, stage, component.componentClass, this.clock), component),
      );
      const isMeasured = stageMs.some((ms) => ms !== null);
      return isMeasured && stageMs.every((ms, at) => (ms ?? 0) < longestShare * (wholeMs[at] ?? Infinity));
    });
  }

  private progress({ model, component, stage }: Part): void {
    const part = stage === undefined ? '' : ` from node ${stage.firstNode}`;
    this.options.onProgress?.({
      done: this.done,
      total: this.total,
      what: `${namesOf(model)}${part} on ${component.componentClass}`,
    });
  }
}

const namesOf = ({ uses }: ProfiledModel): string =>
  uses.map(({ tenant, variant }) => `${tenant.name} ${variant.name}`).join(', ');
