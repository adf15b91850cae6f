import type { Telemetry } from '../../signals/telemetry';

/** How the energy of one window divides. All in J; the parts add up to the total wherever every part is known. */
export interface WindowEnergy {
  readonly totalJ: number;
  /** What no tenant's requests account for; null when it cannot be told. */
  readonly idleJ: number | null;
  readonly tenantsJ: ReadonlyMap<string, number | null>;
}

/**
 * Divides a window's energy among the tenants and idle, so that nothing is lost or counted twice: what the tenants' requests do
 * not account for is idle, and where a measured total is below what was attributed, the attribution is scaled down to it.
 * null when the total is unknown and cannot be summed up.
 */
export function divideEnergy(telemetry: Telemetry): WindowEnergy | null {
  const tenantsJ = new Map(telemetry.tenants.map(({ tenant, energyJ }) => [tenant, energyJ]));
  let attributedJ = 0;
  let complete = true;
  for (const energyJ of tenantsJ.values()) {
    if (energyJ === null) complete = false;
    else attributedJ += energyJ;
  }
  const { totalJ, idleJ } = telemetry.energy;
  if (totalJ === null) {
    return complete && idleJ !== null ? { totalJ: idleJ + attributedJ, idleJ, tenantsJ } : null;
  }
  if (attributedJ > totalJ) {
    const scale = totalJ / attributedJ;
    const scaled = [...tenantsJ].map(
      ([tenant, energyJ]) => [tenant, energyJ === null ? null : energyJ * scale] as const,
    );
    return { totalJ, idleJ: complete ? 0 : null, tenantsJ: new Map(scaled) };
  }
  if (complete) return { totalJ, idleJ: totalJ - attributedJ, tenantsJ };
  return { totalJ, idleJ: idleJ === null ? null : Math.min(idleJ, totalJ - attributedJ), tenantsJ };
}
