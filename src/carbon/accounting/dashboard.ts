import type { CarbonReading } from '../../signals/carbon';
import type { Receipt } from '../../signals/receipt';
import type { Telemetry } from '../../signals/telemetry';

/** One number for a chart: `topic` is `group/series`, so that a chart may take all of a group or one line of it. */
export interface DashboardMessage {
  readonly topic: string;
  readonly payload: number;
  /** Milliseconds since the epoch (wall time). */
  readonly timestamp: number;
  readonly group: string;
  readonly series: string;
  readonly unit: string;
}

/** group, series, value, unit. */
type Value = readonly [group: string, series: string, value: number | null | undefined, unit: string];

export function carbonMessages(reading: CarbonReading, timestamp: number): DashboardMessage[] {
  return messagesOf([['intensity', 'carbon intensity', reading.intensityGPerKwh, 'g/kWh']], timestamp);
}

/**
 * What a window of telemetry and the receipt after it say, in numbers. Power, latency, accuracy and attainment are those of the
 * window; energy, grams, savings and the shares of time by quality of the reading count since the account began. What is unknown is
 * left out.
 */
export function receiptMessages(telemetry: Telemetry, receipt: Receipt): DashboardMessage[] {
  const { energy, durationS, capW, tenants } = telemetry;
  const powerW = energy.totalJ === null || durationS <= 0 ? null : energy.totalJ / durationS;
  const values: Value[] = [
    ['power', 'power', powerW, 'W'],
    ['power', 'cap', capW, 'W'],
    ['energy', 'energy', receipt.total.energyJ, 'J'],
    ['energy', 'always-max', receipt.alwaysMax.energyJ, 'J'],
    ['carbon', 'carbon', receipt.total.carbonG, 'g'],
    ['carbon', 'idle', receipt.idle.carbonG, 'g'],
    ['carbon', 'always-max', receipt.alwaysMax.carbonG, 'g'],
    ['opcdp', 'opCDP', receipt.total.opCdpGs, 'g*s'],
    ['saved', 'carbon', receipt.alwaysMax.savedCarbonPct, '%'],
    ['saved', 'energy', receipt.alwaysMax.savedEnergyPct, '%'],
    ['effect', 'less energy', receipt.constantCap?.energyEffectPct, '%'],
    ['effect', 'better times', receipt.constantCap?.timingEffectPct, '%'],
    ['sci', 'SCI', receipt.sci?.perInferenceG, 'g/inference'],
    ['quality', 'provisional', receipt.carbon.provisionalG, 'g'],
    ['quality', 'final', receipt.carbon.finalG, 'g'],
    ...receipt.tenants.flatMap(({ tenant, carbonG }): Value[] =>
      tenant === null ? [] : [['tenant-carbon', tenant, carbonG, 'g']],
    ),
    ...Object.entries(receipt.audit?.timeByQuality ?? {}).map(([quality, timeShare]): Value => [
      'readings',
      quality,
      percent(timeShare),
      '%',
    ]),
    ...tenants.flatMap((tenant): Value[] => [
      ['latency', tenant.tenant, tenant.latencyMs?.p95, 'ms'],
      ['latency', `${tenant.tenant} limit`, tenant.latencyLimitMs, 'ms'],
      ['accuracy', tenant.tenant, percent(tenant.effectiveAccuracy), '%'],
      ['attainment', tenant.tenant, percent(share(tenant.served - tenant.late, tenant.offered)), '%'],
      ['requests', tenant.tenant, durationS > 0 ? tenant.served / durationS : null, '1/s'],
    ]),
  ];
  return messagesOf(values, Date.parse(telemetry.windowTo));
}

function messagesOf(values: readonly Value[], timestamp: number): DashboardMessage[] {
  return values.flatMap(([group, series, value, unit]) =>
    value === null || value === undefined
      ? []
      : [{ topic: `${group}/${series}`, payload: value, timestamp, group, series, unit }],
  );
}

const percent = (value: number | null): number | null => (value === null ? null : value * 100);
const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);
