import { z } from 'zod';
import type { ImportedTable } from './imported-profile';

/** A processing unit that inference hosts serve: a set of CPU cores with a thread count, or what an execution provider drives. */
export const componentSchema = z.object({
  name: z.string().min(1),
  kind: z.enum(['cpu', 'gpu', 'dla', 'remote']),
  /** Logical CPU numbers the host is pinned to; empty means "not pinned". */
  cores: z.array(z.number().int().nonnegative()),
  threads: z.number().int().positive(),
  /** Execution provider of ONNX Runtime, e.g. `cuda`; absent means `cpu`. Used only where a probe has shown that it runs. */
  provider: z.string().min(1).optional(),
  /** Passed to the provider as they are. */
  providerOptions: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** Components of one class perform alike, so one profile serves them all, e.g. `cpu-1t`. */
  componentClass: z.string().min(1),
});
export type Component = z.infer<typeof componentSchema>;

/**
 * One settable state of the device. Its power law is linear in what the components do:
 * `idleW + sum over components of busyFraction * activeW[component]`, with busyFraction the share of wall time the component
 * computes: at most {@link mostBusy}, because a quota leaves it idle for the rest.
 */
export const operatingPointSchema = z.object({
  name: z.string().min(1),
  /** Share of each component's full speed that is available, in (0, 1]. */
  speed: z.number().positive().max(1),
  idleW: z.number().nonnegative(),
  /** Watts that a component adds while it computes, by component name. */
  activeW: z.record(z.string(), z.number().nonnegative()),
  /**
   * How the speed is limited. `time` (a quota, pacing; also when absent): components compute at full clock for `speed` of the
   * time. `clock`: they compute slower, for as much of the time as they like.
   */
  limits: z.enum(['time', 'clock']).optional(),
  /**
   * Share of the time that components may compute at most where both are limited: slower clocks, and pauses on top (then
   * part of `speed`). Only with `limits: clock`; absent means all of the time.
   */
  busyLimit: z.number().positive().max(1).optional(),
});
export type OperatingPoint = z.infer<typeof operatingPointSchema>;

/** Mean device power (W) when each component computes for the given share of wall time. */
export function powerAt(point: OperatingPoint, busyFraction: Readonly<Record<string, number>>): number {
  let powerW = point.idleW;
  for (const [component, activeW] of Object.entries(point.activeW)) powerW += activeW * (busyFraction[component] ?? 0);
  return powerW;
}

/** The largest share of wall time that a component can compute at this operating point. */
export function mostBusy({ limits, speed, busyLimit }: OperatingPoint): number {
  return limits === 'clock' ? (busyLimit ?? 1) : speed;
}

/** How fast a component is while it computes, relative to full speed: below 1 only where clocks are limited. */
export function clockSpeed(point: OperatingPoint): number {
  return Math.min(1, point.speed / mostBusy(point));
}

/** Most the device can draw at this operating point: every component computes all the time that it is given. */
export function fullLoadW(point: OperatingPoint): number {
  const busy = mostBusy(point);
  return powerAt(point, Object.fromEntries(Object.keys(point.activeW).map((name) => [name, busy])));
}

/** Who holds the cap: the hardware, our own hosts, the simulator, or nobody. */
export const enforcementSchema = z.enum(['hardware', 'software', 'simulated', 'none']);
export type Enforcement = z.infer<typeof enforcementSchema>;

/** A process that computes for a component and whose speed can be limited. Implemented by the inference hosts. */
export interface ThrottleTarget {
  readonly component: string;
  readonly pid: number;
  /** CPU seconds used since the process started, as last reported. */
  cpuSeconds(): number;
  /** Works only `share` of the time, by pausing between runs; resolves with the share in force. */
  pace(share: number): Promise<number>;
}

/** What the executor and the planner need of a device. Implemented in src/power. */
export interface InferenceDevice {
  readonly components: readonly Component[];
  /** Highest speed first. */
  readonly operatingPoints: readonly OperatingPoint[];
  /** Stands for this device in the profile store: same fingerprint, same profiles. */
  readonly fingerprint: string;
  /** What a file says that networks cost on it; absent: nothing, they are measured. */
  readonly imported?: ImportedTable | undefined;
  operatingPointInForce(): OperatingPoint;
  /** Announces a host so that the cap applies to it; call the returned function when it is gone. */
  register(target: ThrottleTarget): Promise<() => void>;
}
