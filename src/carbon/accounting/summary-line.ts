import type { CarbonReading } from '../../signals/carbon';
import type { Receipt } from '../../signals/receipt';
import type { Telemetry } from '../../signals/telemetry';

/**
 * One readable line about what the loop does: the grid, the cap and the power, each tenant's variant and latency, and the account.
 * For the log; nothing parses it.
 */
export function summaryLine(reading: CarbonReading | null, telemetry: Telemetry | null, receipt: Receipt): string {
  const parts = [gridPart(reading)];
  if (telemetry !== null) {
    parts.push(powerPart(telemetry));
    for (const tenant of telemetry.tenants) {
      const latency =
        tenant.latencyMs === null ? 'idle' : `${tenant.latencyMs.p95.toFixed(0)}/${tenant.latencyLimitMs} ms`;
      parts.push(`${tenant.tenant}: ${tenant.variant} ${latency}`);
    }
  }
  parts.push(accountPart(receipt));
  return parts.join(' | ');
}

function gridPart(reading: CarbonReading | null): string {
  if (reading === null) return 'grid: no reading yet';
  if (reading.intensityGPerKwh === null) return 'grid unknown';
  return `grid ${reading.intensityGPerKwh.toFixed(0)} g/kWh (${reading.quality})`;
}

function powerPart({ energy, durationS, capW, operatingPoint }: Telemetry): string {
  const cap = capW === null ? 'no cap' : `cap ${capW.toFixed(1)} W`;
  const power =
    energy.totalJ === null || durationS <= 0
      ? 'power unknown'
      : `${(energy.totalJ / durationS).toFixed(1)} W ${energy.source}`;
  return `${cap}, ${power} at ${operatingPoint}`;
}

function accountPart({ total, alwaysMax, constantCap, energySource }: Receipt): string {
  const energy =
    total.energyJ === null ? 'energy unknown' : `${inUnits(total.energyJ, 'J')} ${energySource ?? ''}`.trim();
  const carbon = total.carbonG === null ? 'carbon unknown' : inUnits(total.carbonG, 'g');
  const saved =
    alwaysMax.savedCarbonPct === null
      ? ''
      : `, ${comparison(alwaysMax.savedCarbonPct)} than always-max${timingPart(constantCap)}`;
  const served = `${total.served} served`;
  return `${served}, ${energy}, ${carbon}${saved}`;
}

function timingPart(constantCap: Receipt['constantCap']): string {
  const timingPct = constantCap?.timingEffectPct ?? null;
  return timingPct === null ? '' : ` (${timingPct.toFixed(1)} % by timing)`;
}

function comparison(savedPct: number): string {
  return `${Math.abs(savedPct).toFixed(0)} % ${savedPct < 0 ? 'more' : 'less'} carbon`;
}

function inUnits(value: number, unit: string): string {
  if (value >= 1000) return `${(value / 1000).toFixed(2)} k${unit}`;
  if (value >= 1 || value === 0) return `${value.toFixed(1)} ${unit}`;
  return `${(value * 1000).toPrecision(3)} m${unit}`;
}
