import type { Plan } from '../../signals/plan';

/** Which variant runs where: what tells tried plans apart, at one operating point. */
export function mappingKey({ tenants, operatingPoint }: Plan): string {
  return JSON.stringify([
    tenants.map(({ tenant, variant, stages }) => [
      tenant,
      variant,
      stages.map(({ component, firstNode }) => [component, firstNode]),
    ]),
    operatingPoint.name,
    operatingPoint.speed,
  ]);
}

/** Which variants run at which operating point, wherever. */
export function workKey({ tenants, operatingPoint }: Plan): string {
  return JSON.stringify([
    tenants.map(({ tenant, variant }) => [tenant, variant]),
    operatingPoint.name,
    operatingPoint.speed,
  ]);
}
