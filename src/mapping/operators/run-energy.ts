import type { Component, OperatingPoint } from '../../signals/device';
import type { OperatorProfile, OperatorTimes } from '../../signals/operator-profile';

/**
 * Latency without what other programs have added to it, ms. One thread alone computes all of the time that its run takes, so that
 * time on the clock beyond its CPU time was spent waiting for the core; several also wait for each other.
 */
function undisturbedLatencyMs({ latencyMs, cpuMs }: OperatorTimes, { kind, threads }: Component): number {
  return kind === 'cpu' && threads === 1 && cpuMs > 0 ? Math.min(latencyMs, cpuMs) : latencyMs;
}

/**
 * Joules of the whole device during one run alone at an operating point, by the power law of the device: idle power for as long as the
 * run takes, and what the component adds for its CPU time. Null when the point does not know the component.
 */
export function modelledRunEnergyJ(times: OperatorTimes, component: Component, point: OperatingPoint): number | null {
  const activeW = point.activeW[component.name];
  if (activeW === undefined) return null;
  const latencyMs = undisturbedLatencyMs(times, component);
  const computingMs = component.kind === 'cpu' ? times.cpuMs / component.threads : latencyMs;
  return (point.idleW * latencyMs + activeW * computingMs) / 1000;
}

/** A measured model as it is kept. */
export function operatorProfileOf(
  times: OperatorTimes,
  component: Component,
  deviceFingerprint: string,
  energy: { readonly energyJ: number } & OperatorProfile['energy'],
  measuredAt: string,
): OperatorProfile {
  return {
    ...times,
    latencyMs: undisturbedLatencyMs(times, component),
    componentClass: component.componentClass,
    deviceFingerprint,
    energyJ: energy.energyJ,
    energy: { source: energy.source, method: energy.method },
    measuredAt,
  };
}
