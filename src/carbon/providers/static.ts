import { EcomapError } from '../../signals/errors';
import type { GridConfigOf } from '../grid-config';
import type { CarbonProvider } from '../provider';
import { zoneAverage } from '../zone-average';

/**
 * The yearly average of a zone: all there is without a network.
 * @throws EcomapError INVALID_CONFIG when the zone is in none of the tables
 */
export function createStaticProvider(
  config: GridConfigOf<'static'>,
  { now }: { readonly now: () => number },
): CarbonProvider {
  const average = zoneAverage(config.zone);
  if (average === null) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `There is no yearly average for the zone "${config.zone}": use a zone of Electricity Maps (US-MIDW-MISO, DE), ` +
        'a country of three letters (USA, DEU) or WORLD',
    );
  }
  return {
    name: 'static',
    zone: average.zone,
    signal: 'average',
    basis: 'lifecycle',
    stepS: 3600,
    pollIntervalMs: 3_600_000,
    remote: false,
    attribution: average.attribution,
    notes: [],
    gridTimeMs: now,
    read: async () => {
      const year = new Date(now()).getUTCFullYear();
      return {
        zone: average.zone,
        signal: 'average',
        basis: 'lifecycle',
        points: [
          {
            validFromMs: Date.UTC(year, 0, 1),
            validToMs: Date.UTC(year + 1, 0, 1),
            intensityGPerKwh: average.intensityGPerKwh,
            quality: 'static',
          },
        ],
        forecast: [],
        attribution: average.attribution,
        ...(average.year === null ? {} : { datasetYear: average.year }),
      };
    },
  };
}
