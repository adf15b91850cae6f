import type { CarbonReading } from '../../../signals/carbon';
import type { Account, Receipt } from '../../../signals/receipt';
import type { Telemetry } from '../../../signals/telemetry';

export interface MetricsInput {
  /** The user's name for the ledger: a label of every sample. */
  readonly name: string;
  readonly receipt: Receipt;
  /** The last ones, where there were any. */
  readonly reading: CarbonReading | null;
  readonly telemetry: Telemetry | null;
  readonly nowMs: number;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [value: number | null, labels?: Labels];

/**
 * The account in Prometheus' text format (0.0.4). What is unknown has no sample. Joules and requests are counters; grams are
 * gauges, although they are sums, because a provider that restates an intensity may make them fewer.
 */
export function prometheusOf({ name, receipt, reading, telemetry, nowMs }: MetricsInput): string {
  const text = new MetricsText({ ledger: name });
  const { total, idle, tenants, audit, constantCap, carbon, coverage } = receipt;
  const perTenant = (of: (account: Account) => number | null): Sample[] =>
    tenants.map((account) => [of(account), { tenant: account.tenant ?? '' }]);
  const perVariant = (of: (variant: Account['variants'][number]) => number | null): Sample[] =>
    tenants.flatMap(({ tenant, variants }) =>
      variants.map((variant): Sample => [of(variant), { tenant: tenant ?? '', variant: variant.variant }]),
    );

  text.add(
    'ecomap_energy_joules_total',
    'counter',
    'Energy above idle by tenant.',
    perTenant(({ energyJ }) => energyJ),
  );
  text.add(
    'ecomap_variant_energy_joules_total',
    'counter',
    'Energy above idle by variant.',
    perVariant(({ energyJ }) => energyJ),
  );
  text.add('ecomap_idle_energy_joules_total', 'counter', 'Energy that no request accounts for.', [[idle.energyJ]]);
  const shares = Object.entries(audit?.energyBySource ?? {});
  text.add(
    'ecomap_device_energy_joules_total',
    'counter',
    'Energy of the whole device by how it was obtained.',
    shares.length === 0
      ? [[total.energyJ, { method: 'unknown' }]]
      : shares.map(([method, share]): Sample => [total.energyJ === null ? null : total.energyJ * share, { method }]),
  );
  text.add(
    'ecomap_carbon_grams_total',
    'gauge',
    'CO2 equivalent by tenant; falls when a provider restates an intensity.',
    perTenant(({ carbonG }) => carbonG),
  );
  text.add(
    'ecomap_variant_carbon_grams_total',
    'gauge',
    'CO2 equivalent by variant.',
    perVariant(({ carbonG }) => carbonG),
  );
  text.add('ecomap_idle_carbon_grams_total', 'gauge', 'CO2 equivalent of idle energy.', [[idle.carbonG]]);
  text.add('ecomap_device_carbon_grams_total', 'gauge', 'CO2 equivalent of the whole device.', [[total.carbonG]]);
  text.add('ecomap_carbon_provisional_grams', 'gauge', 'Part of the grams that may still be restated.', [
    [carbon.provisionalG],
  ]);
  text.add('ecomap_carbon_unaccounted_joules', 'gauge', 'Energy whose carbon intensity is unknown.', [
    [coverage.unaccountedEnergyJ],
  ]);
  text.add('ecomap_carbon_saved_grams', 'gauge', 'Saved against always-max, by effect.', [
    [constantCap?.energyEffectG ?? null, { effect: 'energy' }],
    [constantCap?.timingEffectG ?? null, { effect: 'timing' }],
  ]);
  text.add('ecomap_sci_grams_per_inference', 'gauge', 'Software carbon intensity (ISO/IEC 21031).', [
    [receipt.sci?.perInferenceG ?? null, { covers: receipt.sci?.covers ?? '' }],
  ]);
  text.add('ecomap_inference_requests_total', 'counter', 'Requests by outcome.', [
    ...tenants.flatMap(({ tenant, served, offered }): Sample[] => [
      [served, { tenant: tenant ?? '', outcome: 'served' }],
      [offered - served, { tenant: tenant ?? '', outcome: 'unserved' }],
    ]),
  ]);
  text.add('ecomap_slo_attained_total', 'counter', 'Requests answered within their limit.', perTenant(attained));
  text.add(
    'ecomap_slo_missed_total',
    'counter',
    'Requests that were late, refused or lost.',
    perTenant((account) => account.offered - attained(account)),
  );
  text.add(
    'ecomap_accuracy_ratio',
    'gauge',
    'Effective accuracy by tenant.',
    perTenant(({ effectiveAccuracy }) => effectiveAccuracy),
  );
  text.add(
    'ecomap_variant_switches_total',
    'counter',
    'Changes of variant.',
    perTenant(({ swaps }) => swaps),
  );
  if (reading !== null) {
    const { zone, signal, basis, quality } = reading;
    text.add('ecomap_carbon_intensity_grams_per_kilowatt_hour', 'gauge', 'Carbon intensity in force.', [
      [reading.intensityGPerKwh, { zone, signal, basis, quality }],
    ]);
    text.add('ecomap_carbon_data_age_seconds', 'gauge', 'Time since the carbon intensity was fetched.', [
      [Math.max(0, (nowMs - Date.parse(reading.fetchedAt)) / 1000)],
    ]);
  }
  if (telemetry !== null) {
    const { energy, durationS, capW } = telemetry;
    text.add('ecomap_power_watts', 'gauge', 'Mean power of the last window.', [
      [energy.totalJ === null || durationS <= 0 ? null : energy.totalJ / durationS, { method: energy.source }],
    ]);
    text.add('ecomap_power_limit_watts', 'gauge', 'Power cap in force.', [[capW]]);
  }
  return text.toString();
}

const attained = ({ attainment, offered }: Account): number => Math.round((attainment ?? 0) * offered);

class MetricsText {
  readonly #lines: string[] = [];

  constructor(private readonly common: Labels) {}

  /** Leaves out what is unknown, and the metric when all of it is. */
  add(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): void {
    const known = samples.flatMap(([value, labels]) =>
      value === null || !Number.isFinite(value) ? [] : [`${name}${labelsOf({ ...this.common, ...labels })} ${value}`],
    );
    if (known.length > 0) this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...known);
  }

  toString(): string {
    return this.#lines.length === 0 ? '' : `${this.#lines.join('\n')}\n`;
  }
}

function labelsOf(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`,
  );
  return `{${parts.join(',')}}`;
}
