import { createHash } from 'node:crypto';
import type { InferenceDevice } from '../../signals/device';
import type { CalibrationNetwork } from './networks';
import type { BegunRecord, CalibrationRecord } from './sample-records';

/** Of the log, the last calibration: how it began, what belongs to it, and how it ended. */
export function lastOf(records: readonly CalibrationRecord[]): {
  begun: BegunRecord | null;
  records: readonly CalibrationRecord[];
  ended: 'done' | 'cancelled' | null;
} {
  let begun: BegunRecord | null = null;
  let own: CalibrationRecord[] = [];
  let ended: 'done' | 'cancelled' | null = null;
  for (const record of records) {
    if (record.kind === 'begun') {
      begun = record;
      own = [];
      ended = null;
    } else if (record.kind === 'ended') ended = ended === 'done' ? ended : record.outcome;
    else if (record.kind !== 'tried') {
      own.push(record);
      ended = null;
    }
  }
  return { begun, records: own, ended };
}

/** Names a plan of measurements. The same where the plan is: another file, cut or component makes another. */
export function keyOf(
  networks: readonly CalibrationNetwork[],
  { components, fingerprint }: Pick<InferenceDevice, 'components' | 'fingerprint'>,
  samples: number,
  seed: number,
  quotas: readonly string[],
): string {
  const parts = [
    networks.map(({ name, sha256, dims, ways }) => [name, sha256, dims, ways.map(({ firstNodes }) => firstNodes)]),
    components.map(({ name, componentClass }) => [name, componentClass]),
    fingerprint,
    samples,
    seed,
    quotas,
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
