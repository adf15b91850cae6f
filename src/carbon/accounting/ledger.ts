import type { CarbonReading } from '../../signals/carbon';
import { gramsOf, weakestSource } from '../../signals/quantities';
import type { Account, Receipt } from '../../signals/receipt';
import type { Telemetry, TenantTelemetry } from '../../signals/telemetry';
import { IntensityTimeline, type WindowIntensity } from './intensity-timeline';
import { emptyLedgerState, emptySums, type LedgerState, type Sums } from './ledger-state';
import { divideEnergy, type WindowEnergy } from './window-energy';

/**
 * Sums up what served requests cost. Energy comes with telemetry (J, above idle per tenant), intensity with carbon readings; a
 * reading is in force from when it came until the next one, and a window in which it changed is weighed by time.
 *
 * - Grams: energy (kWh) times intensity. While the intensity is unknown no grams are counted; those seconds and joules stand in
 *   `coverage`. The same for seconds whose energy is unknown.
 * - opCDP (operational carbon-delay product, g*s): the grams of an account times the mean latency, in seconds, of its served
 *   requests; for the total, all grams (idle included) times the mean latency over all tenants.
 * - Attainment: answers within the limit over all requests offered, so rejected and failed ones count against it.
 * - Joules and grams per inference: sum over sum; in the total, idle is included.
 * - Always-max: the idle energy plus what the same requests would have cost with the most accurate variants at full speed.
 *   Compared only over windows in which that is known for every tenant that served.
 */
export class CarbonLedger {
  readonly #now: () => number;
  readonly #timeline = new IntensityTimeline();
  #state: LedgerState;

  constructor({ now }: { readonly now: () => number }) {
    this.#now = now;
    this.#state = emptyLedgerState(now());
  }

  /** From now on this intensity holds. */
  onCarbon(reading: CarbonReading): void {
    this.#timeline.add(reading, this.#now());
  }

  /** Accounts one window and answers with the receipt so far. */
  onTelemetry(telemetry: Telemetry): Receipt {
    const state = this.#state;
    const fromMs = Date.parse(telemetry.windowFrom);
    const toMs = Date.parse(telemetry.windowTo);
    state.fromMs = state.durationS === 0 ? fromMs : Math.min(state.fromMs, fromMs);
    state.toMs = Math.max(state.toMs, toMs);
    state.durationS += telemetry.durationS;

    const energy = divideEnergy(telemetry);
    const intensity = this.#timeline.over(fromMs, toMs);
    this.#accountIntensity(intensity, telemetry.durationS);
    if (energy === null) {
      state.unknownEnergyS += telemetry.durationS;
    } else {
      state.energySource = weakestSource([state.energySource, telemetry.energy.source]);
      state.unaccountedEnergyJ += energy.totalJ * (1 - intensity.knownShare);
      const grams = gramsBy(intensity);
      addEnergy(state.total, energy.totalJ, grams);
      addEnergy(state.idle, energy.idleJ, grams);
      this.#accountAlwaysMax(telemetry, energy, grams);
    }
    for (const tenant of telemetry.tenants) this.#accountTenant(tenant, energy, intensity);
    return this.receipt();
  }

  receipt(): Receipt {
    const state = this.#state;
    const alwaysMax = state.alwaysMax;
    return {
      from: new Date(state.fromMs).toISOString(),
      to: new Date(state.toMs).toISOString(),
      durationS: state.durationS,
      energySource: state.energySource,
      total: accountOf(null, state.total),
      idle: { ...state.idle },
      tenants: Object.entries(state.tenants).map(([tenant, sums]) => accountOf(tenant, sums)),
      alwaysMax: {
        ...alwaysMax,
        savedEnergyPct: savedPct(alwaysMax.energyJ, alwaysMax.againstEnergyJ),
        savedCarbonPct: savedPct(alwaysMax.carbonG, alwaysMax.againstCarbonG),
      },
      carbon: {
        intensityGPerKwh: this.#timeline.latest?.intensityGPerKwh ?? null,
        secondsByQuality: { ...state.secondsByQuality },
        mixedBasis: state.bases.length > 1,
        attribution: [...state.attribution],
      },
      coverage: {
        unknownEnergyS: state.unknownEnergyS,
        unknownIntensityS: state.unknownIntensityS,
        unaccountedEnergyJ: state.unaccountedEnergyJ,
      },
    };
  }

  /** Begins a new account; the intensity in force stays. */
  reset(): void {
    this.#state = emptyLedgerState(this.#now());
  }

  state(): LedgerState {
    return structuredClone(this.#state);
  }

  /** Goes on with an earlier account. */
  restore(state: LedgerState): void {
    this.#state = structuredClone(state);
  }

  #accountIntensity({ parts, knownShare }: WindowIntensity, durationS: number): void {
    const state = this.#state;
    state.unknownIntensityS += durationS * (1 - knownShare);
    for (const { share, inForce } of parts) {
      const known = inForce?.intensityGPerKwh != null;
      const quality = known ? inForce.quality : 'unknown';
      state.secondsByQuality[quality] = (state.secondsByQuality[quality] ?? 0) + share * durationS;
      if (!known) continue;
      addOnce(state.bases, `${inForce.signal}, ${inForce.basis}`);
      addOnce(state.attribution, inForce.attribution);
    }
  }

  #accountTenant(tenant: TenantTelemetry, energy: WindowEnergy | null, intensity: WindowIntensity): void {
    const sums = this.#sumsOf(tenant.tenant);
    const energyJ = energy?.tenantsJ.get(tenant.tenant) ?? null;
    addEnergy(sums, energyJ, gramsBy(intensity));
    countRequests(sums, tenant, energyJ !== null, intensity.knownShare);
    countRequests(this.#state.total, tenant, energy !== null, intensity.knownShare);
  }

  #sumsOf(tenant: string): Sums {
    const { tenants } = this.#state;
    const known = Object.getOwnPropertyDescriptor(tenants, tenant)?.value as Sums | undefined;
    if (known !== undefined) return known;
    const sums = emptySums();
    // Not by assignment: a tenant may be called "constructor" or "__proto__".
    Object.defineProperty(tenants, tenant, { value: sums, enumerable: true, configurable: true, writable: true });
    return sums;
  }

  #accountAlwaysMax(telemetry: Telemetry, energy: WindowEnergy, grams: Grams): void {
    if (energy.idleJ === null) return;
    let energyJ = energy.idleJ;
    for (const tenant of telemetry.tenants) {
      if (tenant.alwaysMaxEnergyJ !== null) energyJ += tenant.alwaysMaxEnergyJ;
      else if (tenant.served > 0) return;
    }
    const sums = this.#state.alwaysMax;
    sums.comparedS += telemetry.durationS;
    sums.energyJ = (sums.energyJ ?? 0) + energyJ;
    sums.againstEnergyJ = (sums.againstEnergyJ ?? 0) + energy.totalJ;
    const carbonG = grams(energyJ);
    const againstCarbonG = grams(energy.totalJ);
    if (carbonG === null || againstCarbonG === null) return;
    sums.carbonG = (sums.carbonG ?? 0) + carbonG;
    sums.againstCarbonG = (sums.againstCarbonG ?? 0) + againstCarbonG;
  }
}

/** Grams of an energy used evenly over a window, as far as the intensity was known; null when no part of it was. */
type Grams = (energyJ: number) => number | null;

function gramsBy({ meanGPerKwh, knownShare }: WindowIntensity): Grams {
  return (energyJ) => gramsOf(energyJ * knownShare, meanGPerKwh);
}

function addEnergy(
  sums: { energyJ: number | null; carbonG: number | null },
  energyJ: number | null,
  grams: Grams,
): void {
  if (energyJ === null) return;
  sums.energyJ = (sums.energyJ ?? 0) + energyJ;
  const carbonG = grams(energyJ);
  if (carbonG !== null) sums.carbonG = (sums.carbonG ?? 0) + carbonG;
}

function countRequests(sums: Sums, tenant: TenantTelemetry, energyKnown: boolean, intensityShare: number): void {
  const inTime = tenant.served - tenant.late;
  sums.offered += tenant.offered;
  sums.served += tenant.served;
  sums.inTime += inTime;
  sums.swaps += tenant.swaps;
  if (tenant.effectiveAccuracy !== null) {
    sums.accuracySum += tenant.effectiveAccuracy * inTime;
    sums.accuracyCount += inTime;
  }
  if (tenant.latencyMs !== null) {
    sums.latencySumMs += tenant.latencyMs.mean * tenant.served;
    sums.latencyCount += tenant.served;
  }
  if (energyKnown) {
    sums.servedWithEnergy += tenant.served;
    sums.servedWithCarbon += tenant.served * intensityShare;
  }
}

function accountOf(tenant: string | null, sums: Sums): Account {
  const meanLatencyMs = ratio(sums.latencySumMs, sums.latencyCount);
  return {
    tenant,
    energyJ: sums.energyJ,
    carbonG: sums.carbonG,
    offered: sums.offered,
    served: sums.served,
    attainment: ratio(sums.inTime, sums.offered),
    effectiveAccuracy: ratio(sums.accuracySum, sums.accuracyCount),
    meanLatencyMs,
    opCdpGs: sums.carbonG === null || meanLatencyMs === null ? null : (sums.carbonG * meanLatencyMs) / 1000,
    energyPerInferenceJ: ratio(sums.energyJ, sums.servedWithEnergy),
    carbonPerInferenceG: ratio(sums.carbonG, sums.servedWithCarbon),
    swaps: sums.swaps,
  };
}

const ratio = (sum: number | null, count: number): number | null => (sum === null || count <= 0 ? null : sum / count);

function savedPct(alwaysMax: number | null, against: number | null): number | null {
  return alwaysMax === null || against === null || alwaysMax <= 0 ? null : (100 * (alwaysMax - against)) / alwaysMax;
}

function addOnce(list: string[], item: string): void {
  if (!list.includes(item)) list.push(item);
}
