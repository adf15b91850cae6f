import type { Cap } from '../signals/cap';
import type { OperatingPoint } from '../signals/device';
import type { Violation } from '../signals/violated';
import type { Cost } from './search/objective';

// The sentences of `plan.why`, for somebody who runs a plant, not a scheduler.

const watts = (powerW: number): string => `${powerW.toFixed(powerW < 100 ? 1 : 0)} W`;
const milliseconds = (ms: number): string =>
  ms < 10_000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${Math.round(ms / 1000)} s`;
const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Under which cap and operating point the plan was made. */
export function explainCap(cap: Cap | null, point: OperatingPoint): string {
  const state = `operating point ${point.name} (${percent(point.speed)} speed)`;
  if (cap === null) return `no cap has arrived yet: planned for ${state}`;
  const intensity = cap.carbon?.intensityGPerKwh ?? null;
  const grid = intensity === null ? '' : ` at ${Math.round(intensity)} g/kWh`;
  if (cap.capUnreachable) {
    return `cap ${watts(cap.capW)}${grid} cannot be kept: the device draws ${watts(point.idleW)} with nothing to do; ${state}`;
  }
  return `cap ${watts(cap.capW)}${grid}: ${state}`;
}

/** The first plan of all. */
export function explainFirstPlan(cap: Cap | null): string {
  return cap === null ? 'the first plan' : `the first plan, under a cap of ${watts(cap.capW)}`;
}

/** How the cap, or the operating point under it, has changed. */
export function explainCapChange(before: Cap | null, after: Cap): string {
  const intensity = after.carbon?.intensityGPerKwh ?? null;
  const grid = intensity === null ? '' : ` (the grid is at ${Math.round(intensity)} g/kWh)`;
  if (before === null) return `the first cap has arrived, ${watts(after.capW)}${grid}`;
  const [from, to] = [watts(before.capW), watts(after.capW)];
  if (from !== to) return `the cap ${after.capW < before.capW ? 'fell' : 'rose'} from ${from} to ${to}${grid}`;
  return `the operating point changed from ${before.operatingPoint.name} to ${after.operatingPoint.name} under a cap of ${to}`;
}

/** How the arrival rate of a tenant has changed. */
export function explainRates(tenant: string, before: number, after: number): string {
  const perS = (rate: number): string => rate.toFixed(rate < 10 ? 1 : 0);
  return `requests of ${tenant} ${after > before ? 'rose' : 'fell'} from ${perS(before)} to ${perS(after)} a second`;
}

export function explainSwap(tenant: string, from: string | null, to: string): string {
  return from === null ? `${tenant} is served from now on, with ${to}` : `${tenant} runs ${to} instead of ${from}`;
}

/** That another operating point than the one in force is asked for. */
export function explainPoint(cap: Cap | null, point: OperatingPoint): string[] {
  if (cap === null || cap.operatingPoint.name === point.name) return [];
  return [explainThriftier(cap.operatingPoint, point)];
}

export function explainThriftier(from: OperatingPoint, to: OperatingPoint): string {
  return `${to.name} instead of ${from.name}: it does the work on offer with least energy, idle included`;
}

/** One broken limit in words. */
export function explainViolation({ tenant, constraint, value, limit }: Violation, componentOfTenant: string): string {
  switch (constraint) {
    case 'power':
      return `the device would draw up to ${watts(value)}, the cap is ${watts(limit)}`;
    case 'load':
      return `${componentOfTenant} would be asked for ${percent(value)} of its time (at most ${percent(limit)} is sound), mostly by ${tenant}`;
    case 'latency':
      return `${tenant} would need up to ${milliseconds(value)}, its limit is ${milliseconds(limit)}`;
  }
}

/** Which limit a better variant would break. */
export function explainRuledOut(tenant: string, variant: string, broken: Violation, capW: number): string {
  const inTheWay =
    broken.constraint === 'power'
      ? `the device would draw up to ${watts(broken.value)} under a cap of ${watts(capW)}`
      : explainViolation(broken, 'a component');
  return `${tenant} does not run ${variant}: ${inTheWay}`;
}

/** Why tenants were moved: what the old mapping would have broken, or what the new one gains. */
export function explainMove(
  moves: readonly { tenant: string; from: string; to: string }[],
  brokenBefore: readonly string[],
  before: Cost,
  after: Cost,
): string {
  const moved = moves.map(({ tenant, from, to }) => `${tenant} moved from ${from} to ${to}`).join(', ');
  return `${moved} because ${gain(brokenBefore, before, after)}`;
}

/** Whether a sentence is one of {@link explainMove}. */
export const isMove = (sentence: string): boolean => / moved from .+ to .+ because /.test(sentence);

function gain(brokenBefore: readonly string[], before: Cost, after: Cost): string {
  if (brokenBefore.length > 0) return `otherwise ${brokenBefore.slice(0, 2).join(' and ')}`;
  const savedW = before.powerW - after.powerW;
  if (savedW > 0.01 * before.powerW) return `that saves ${watts(savedW)}`;
  return `answers then come ${percent(1 - after.latencyRatio / Math.max(before.latencyRatio, 1e-9))} sooner`;
}

/** Which lighter variant a tenant runs, and at what price. */
export function explainVariant(
  tenant: string,
  chosen: { name: string; accuracy: number },
  best: { name: string; accuracy: number },
  because: readonly string[],
): string {
  const price = `${tenant} runs ${chosen.name} (${points(chosen.accuracy)}) instead of ${best.name} (${points(best.accuracy)})`;
  return because.length > 0 ? `${price}: ${because.join('; ')}` : price;
}

const points = (accuracy: number): string => `${(accuracy * 100).toFixed(1)} % right`;

/** Nothing fits: what is broken by the best that can be done. */
export function explainInfeasible(broken: readonly string[]): string {
  return `NO_FEASIBLE_PLAN: best effort, because ${broken.join('; ')}`;
}

export function explainUnmeasured(tenant: string, variant: string): string {
  return `${tenant} ${variant} has not been measured on this device: its latency and load are unknown`;
}

export function explainLeftOut(tenant: string, reasons: readonly string[]): string {
  return `${tenant} is left out, none of its variants can run here: ${reasons.join('; ')}`;
}

/** No variant is as accurate as the tenant asks for. */
export function explainLeastAccuracy(tenant: string, least: number, best: { name: string; accuracy: number }): string {
  return `${tenant} asks for ${points(least)} or more, its best variant ${best.name} is ${points(best.accuracy)}: that one runs always`;
}

/** A plan that is in force for a moment, to be measured. */
export function explainTrying(others: number, windows: number): string {
  const whom = others === 1 ? 'another mapping' : `${others} other mappings`;
  return `in force for ${windows} windows of telemetry at first: predictions cannot tell it from ${whom}, so each is measured`;
}

export interface TrialFigures {
  readonly powerW: number | null;
  readonly powerSource: string;
  /** Mean latency as a share of the limits. */
  readonly latencyRatio: number | null;
  /** It broke a limit when it was tried. */
  readonly breaks: boolean;
}

/** Which of the plans that were tried stays, and by which figures. */
export function explainTrial(best: TrialFigures, others: readonly TrialFigures[], asPredicted: boolean): string {
  const figures = ({ powerW, powerSource, latencyRatio, breaks }: TrialFigures): string =>
    [
      powerW === null ? 'power unknown' : `${watts(powerW)} (${powerSource})`,
      ...(latencyRatio === null ? [] : [`answers after ${percent(latencyRatio)} of the limits`]),
      ...(breaks ? ['a limit broken'] : []),
    ].join(', ');
  const compared = others.length === 0 ? '' : `; against ${others.map(figures).join('; ')}`;
  const surprise = asPredicted ? '' : ', although another one was predicted best';
  return `stays after ${others.length + 1} mappings were measured${surprise}: ${figures(best)}${compared}`;
}
