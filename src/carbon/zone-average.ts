import * as ember from '@tgwf/co2/data';
import * as electricityMaps from '@tgwf/co2/data/electricity-maps';
import { z } from 'zod';

/** A zone's average over a year. Both sources state averages over the life cycle. */
export interface ZoneAverage {
  readonly zone: string;
  readonly intensityGPerKwh: number;
  /** null where the data names no year. */
  readonly year: number | null;
  readonly attribution: string;
}

const table = z.object({ data: z.record(z.string(), z.unknown()) });
// 0 stands for "missing" in this data (e.g. CAF), so only positive numbers are averages.
const average = z.number().positive().max(1500);
const yearlyEntry = z.object({ carbonIntensity: z.object({ value: average, unit: z.literal('gCO2eq/kWh') }) });

/**
 * The latest yearly average of a zone from `@tgwf/co2`: zones of Electricity Maps (`US-MIDW-MISO`, `DE`), then Ember's countries
 * of three letters (`USA`, `WORLD`). null when neither knows the zone.
 */
export function zoneAverage(zone: string): ZoneAverage | null {
  const key = zone.trim().toUpperCase();
  for (const [name, year] of yearlyTables()) {
    const found = yearlyEntry.safeParse(table.safeParse(year).data?.data[key]);
    if (found.success) {
      return {
        zone: key,
        intensityGPerKwh: found.data.carbonIntensity.value,
        year: Number(name.slice('yearly'.length)),
        attribution: 'Electricity Maps yearly averages (ODbL 1.0), by way of CO2.js',
      };
    }
  }
  const country = average.safeParse(table.safeParse(ember.averageIntensity).data?.data[key]);
  if (!country.success) return null;
  return {
    zone: key,
    intensityGPerKwh: country.data,
    year: null,
    attribution: 'Ember yearly electricity data (CC BY-SA 4.0), by way of CO2.js',
  };
}

/** Latest year first; a later year that a newer `@tgwf/co2` brings is found by its name. */
function yearlyTables(): [string, unknown][] {
  return Object.entries(electricityMaps)
    .filter(([name]) => /^yearly\d{4}$/.test(name))
    .sort(([a], [b]) => b.localeCompare(a));
}
