import { EcomapError } from '../../signals/errors';
import { quantile } from '../../signals/statistics';
import { leastWorkloads } from './co-location-plan';
import type { AnchorRecord, CalibrationRecord, SampleRecord } from './sample-records';

/** Beyond this the device has another speed than usual: heat, other programs. ln 1.1 */
const tolerance = Math.log(1.1);

/** What was measured, told apart by what the anchors before and after say. */
export interface Judged {
  /** The latest of each number in the plan that counts. */
  readonly good: ReadonlyMap<number, SampleRecord>;
  /** Those of which there is no measurement that counts. */
  readonly setAside: readonly number[];
  /** Whether the last anchor lies away from the others. */
  readonly isAway: boolean;
}

/**
 * Samples lie between two anchors: the same co-location, measured again and again. Where one of them is more than 10 % away from
 * what the anchors of this operating point usually say (their median), the device was of another speed, and the samples are set
 * aside.
 * @param records of one calibration, in their order
 */
export function judge(records: readonly CalibrationRecord[]): Judged {
  const anchors = records.filter((record): record is AnchorRecord => record.kind === 'anchor');
  const usual = new Map<string, number>();
  for (const point of new Set(anchors.map((anchor) => anchor.point))) {
    const levels = anchors.filter((anchor) => anchor.point === point).map(({ lnLatency }) => lnLatency);
    usual.set(point, quantile(levels, 0.5) ?? 0);
  }
  const isAway = (anchor: AnchorRecord | undefined): boolean =>
    anchor !== undefined && Math.abs(anchor.lnLatency - (usual.get(anchor.point) ?? 0)) > tolerance;

  const good = new Map<number, SampleRecord>();
  const aside = new Set<number>();
  let before = -1;
  for (const record of records) {
    if (record.kind === 'anchor') before += 1;
    if (record.kind !== 'sample') continue;
    const disturbed = isAway(anchors[before]) || isAway(anchors[before + 1]);
    if (disturbed) aside.add(record.planned);
    else good.set(record.planned, record);
  }
  return { good, setAside: [...aside].filter((planned) => !good.has(planned)), isAway: isAway(anchors.at(-1)) };
}

/** @throws EcomapError INVALID_CONFIG where so much was set aside that too little is left to learn from */
export function checkSteady({ good, setAside }: Judged, planned: number): void {
  const workloads = new Set([...good.values()].flatMap(({ sample }) => (sample === null ? [] : [sample.workload])));
  if (setAside.length === 0 || workloads.size >= leastWorkloads) return;
  throw new EcomapError(
    'INVALID_CONFIG',
    `The device kept changing its speed (other programs, heat), so ${setAside.length} of ${planned} co-locations do not count. ` +
      'Calibrate again when it is quiet.',
  );
}
