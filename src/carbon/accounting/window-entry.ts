import type { Telemetry, TenantTelemetry } from '../../signals/telemetry';
import { dayMs } from '../provider';
import { addSums, emptySums, tupleOf, type AccountSums } from './account-sums';
import { againstKey, alwaysMaxKey, idleKey, tenantKey, totalKey, variantKey, type AccountKey } from './energy-rows';
import type { IntensityTimeline } from './intensity-timeline';
import type { WindowEntry } from './ledger-entries';
import { divideEnergy, type WindowEnergy } from './window-energy';

/** A longer window has slept (a suspended machine): its energy is spread over the end of it. */
const longestWindowMs = dayMs;
/** Names of tenants and variants come with messages: beyond this many they share one account. */
const mostAccounts = 512;
const othersName = '(others)';

/** What one window of telemetry adds to which account, and which intensities were in force in it. */
export function windowEntryOf(
  telemetry: Telemetry,
  timeline: IntensityTimeline,
  known: ReadonlyMap<AccountKey, unknown>,
): WindowEntry {
  const toMs = Date.parse(telemetry.windowTo);
  const fromMs = Math.max(Date.parse(telemetry.windowFrom), toMs - longestWindowMs);
  const energy = divideEnergy(telemetry);
  const accounts = new AccountTable(known);
  const total = emptySums();
  total.energyJ = energy?.totalJ ?? null;
  accounts.add(totalKey, total);
  accounts.add(idleKey, { ...emptySums(), energyJ: energy?.idleJ ?? null });
  for (const tenant of telemetry.tenants) addTenant(accounts, tenant, energy);
  const alwaysMaxJ = energy === null ? null : alwaysMaxOf(telemetry, energy);
  if (energy !== null && alwaysMaxJ !== null) {
    accounts.add(alwaysMaxKey, { ...emptySums(), energyJ: alwaysMaxJ });
    accounts.add(againstKey, { ...emptySums(), energyJ: energy.totalJ });
  }
  return {
    kind: 'window',
    fromMs,
    toMs,
    durationS: telemetry.durationS,
    source: telemetry.energy.source,
    energyKnown: energy !== null,
    compared: alwaysMaxJ !== null,
    parts: timeline.over(fromMs, toMs).map((part) => [part.fromMs, part.toMs, part.share, part.intensity]),
    accounts: accounts.entries(),
  };
}

class AccountTable {
  readonly #sums = new Map<AccountKey, AccountSums>();

  constructor(private readonly known: ReadonlyMap<AccountKey, unknown>) {}

  add(key: AccountKey, sums: AccountSums): void {
    this.#sums.set(key, addSums(this.#sums.get(key) ?? emptySums(), sums));
  }

  hasRoomFor(key: AccountKey): boolean {
    return this.known.has(key) || this.#sums.has(key) || this.known.size + this.#sums.size < mostAccounts;
  }

  entries(): WindowEntry['accounts'] {
    return [...this.#sums].map(([key, sums]) => [key, tupleOf(sums)]);
  }
}

function addTenant(accounts: AccountTable, tenant: TenantTelemetry, energy: WindowEnergy | null): void {
  const key = accounts.hasRoomFor(tenantKey(tenant.tenant)) ? tenantKey(tenant.tenant) : tenantKey(othersName);
  const energyJ = energy?.tenantsJ.get(tenant.tenant) ?? null;
  const sums = requestsOf(tenant);
  accounts.add(key, { ...sums, energyJ, servedWithEnergy: energyJ === null ? 0 : tenant.served });
  accounts.add(totalKey, { ...sums, servedWithEnergy: energy === null ? 0 : tenant.served });
  // Where a measured total is below what was attributed, the variants are scaled like their tenant.
  const scale = energyJ === null || !tenant.energyJ ? 1 : energyJ / tenant.energyJ;
  for (const { variant, accuracy, served, inTime, energyJ: variantJ } of tenant.byVariant) {
    const ofVariant = variantKey(tenant.tenant, variant);
    accounts.add(accounts.hasRoomFor(ofVariant) ? ofVariant : variantKey(othersName, othersName), {
      ...emptySums(),
      energyJ: variantJ === null || energy === null ? null : variantJ * scale,
      offered: served,
      served,
      inTime,
      accuracySum: accuracy * inTime,
      accuracyCount: inTime,
      servedWithEnergy: variantJ === null || energy === null ? 0 : served,
    });
  }
}

function requestsOf(tenant: TenantTelemetry): AccountSums {
  const inTime = tenant.served - tenant.late;
  const { effectiveAccuracy, latencyMs } = tenant;
  return {
    ...emptySums(),
    offered: tenant.offered,
    served: tenant.served,
    inTime,
    accuracySum: effectiveAccuracy === null ? 0 : effectiveAccuracy * inTime,
    accuracyCount: effectiveAccuracy === null ? 0 : inTime,
    latencySumMs: latencyMs === null ? 0 : latencyMs.mean * tenant.served,
    latencyCount: latencyMs === null ? 0 : tenant.served,
    swaps: tenant.swaps,
  };
}

/** Idle energy plus what the most accurate variants would have used at full speed; null where that is not known of all who served. */
function alwaysMaxOf(telemetry: Telemetry, energy: WindowEnergy): number | null {
  if (energy.idleJ === null) return null;
  let energyJ = energy.idleJ;
  for (const tenant of telemetry.tenants) {
    if (tenant.alwaysMaxEnergyJ !== null) energyJ += tenant.alwaysMaxEnergyJ;
    else if (tenant.served > 0) return null;
  }
  return energyJ;
}
