import type { CoLocation, CoLocationNetwork, UnitKind } from '../../../signals/co-location';
import type { Component } from '../../../signals/device';
import type { EstimationContext, Work } from '../estimator';
import { placedStages } from '../placed-stages';
import { stageEnergyJ } from '../stage-energy';

const unitKind: Readonly<Record<Component['kind'], UnitKind>> = { cpu: 'cpu', gpu: 'gpu', dla: 'dla', remote: 'dla' };

/**
 * What a request keeps a host busy beside the computing, and is on its way, s: profiles time the computing alone. Measured here with
 * networks of 0.1 ms: 0.14 ms of their component and about as much to it and back. Only tiny networks feel it.
 */
export const requestS = 2.5e-4;

/**
 * The planner's question as the learned estimator reads it. Hosts serve one run at a time, so every component queues. Requests
 * come at a rate whether or not answers are there: their period is set instead of a pause. Energy above idle is
 * what a sensor has measured, else the component's active power times the time it computes.
 * @returns null where the work does not say what its stages compute and move, without which the network cannot judge it
 */
export function coLocationOf({ components, operatingPoint, work }: EstimationContext): CoLocation | null {
  const { speed, idleW } = operatingPoint;
  const networks: CoLocationNetwork[] = [];
  for (const { costs, ratePerS, operations, sensitivity } of work) {
    if (operations?.length !== costs.length) return null;
    networks.push({
      pauseS: 0,
      periodS: ratePerS > 0 ? 1 / ratePerS : Number.POSITIVE_INFINITY,
      sensitivity: components.map((_, at) => sensitivity?.[at] ?? null),
      stages: operations.map((stage, index) => ({
        ...stage,
        alone: components.map((component, at) => {
          const cost = costs[index]?.[at] ?? null;
          if (cost === null) return null;
          return {
            latencyS: (cost.p50Ms / 1000 + requestS) / speed,
            energyJ: stageEnergyJ(component, cost, operatingPoint) ?? 0,
          };
        }),
      })),
    });
  }
  return {
    device: {
      units: components.map(({ kind }) => ({ kind: unitKind[kind], queued: true, speed })),
      idleW,
      capW: null,
    },
    networks,
  };
}

/** Share of each component's available time that a mapping takes at the rates asked for. */
export function loadsOf(
  mapping: readonly (readonly number[])[],
  work: readonly Work[],
  components: number,
  speed: number,
): number[] {
  const load = new Array<number>(components).fill(0);
  work.forEach((one, item) => {
    for (const { at, cost } of placedStages(one, mapping[item] ?? [])) {
      if (cost !== null) load[at] = (load[at] ?? 0) + (one.ratePerS * cost.p50Ms) / speed / 1000;
    }
  });
  return load;
}
