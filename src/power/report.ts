import { fullLoadW, type Component, type Enforcement, type OperatingPoint } from '../signals/device';
import type { DeviceDescription } from '../signals/device-description';
import type { Source } from '../signals/quantities';
import { findQuotaGroups, type QuotaGroupsFound } from './actuators/find-quota-groups';
import type { Detection } from './detect';
import { labelOfClass } from './power-defaults';

/** One line of what was found: `ok` is there, `missing` is not and the text says what would help. */
export interface Finding {
  readonly level: 'ok' | 'missing' | 'problem';
  readonly text: string;
}

/** For the editor's dialog; plain JSON. */
export interface DeviceReport {
  readonly name: string;
  readonly label: string;
  readonly simulated: boolean;
  readonly findings: readonly Finding[];
  readonly components: readonly Component[];
  readonly operatingPoints: readonly { name: string; speed: number; idleW: number; fullLoadW: number }[];
  /** null before the device is deployed. */
  readonly now: {
    readonly operatingPoint: string;
    readonly enforced: Enforcement;
    readonly how: string | null;
    readonly hosts: number;
  } | null;
}

export interface DeviceState {
  readonly operatingPoint: OperatingPoint;
  readonly enforced: Enforcement;
  readonly how: string | null;
  readonly problem: string | null;
  readonly hosts: number;
  /** What meters the device, and how. */
  readonly meter: { readonly source: Source; readonly method: string };
}

const ok = (text: string): Finding => ({ level: 'ok', text });
const missing = (text: string): Finding => ({ level: 'missing', text });

export function reportOn(
  description: DeviceDescription,
  points: readonly OperatingPoint[],
  quotas: QuotaGroupsFound | null,
  state: DeviceState | null,
): DeviceReport {
  const findings = [
    // What this machine is stands in `findingsOf`.
    ...(description.simulated ? [ok(`Simulated device: ${description.label}`)] : []),
    ...(quotas === null ? [] : findingsOnQuotas(quotas)),
    findingOnWatts(description, state),
  ];
  if (state !== null && state.problem !== null) findings.push({ level: 'problem', text: state.problem });
  return {
    name: description.name,
    label: description.label,
    simulated: description.simulated,
    findings,
    components: description.components,
    operatingPoints: points.map((point) => ({
      name: point.name,
      speed: point.speed,
      idleW: point.idleW,
      fullLoadW: fullLoadW(point),
    })),
    now:
      state === null
        ? null
        : {
            operatingPoint: state.operatingPoint.name,
            enforced: state.enforced,
            how: state.how,
            hosts: state.hosts,
          },
  };
}

function findingOnWatts({ simulated, powerMethod }: DeviceDescription, state: DeviceState | null): Finding {
  if (simulated) return ok(`Watts are simulated: ${powerMethod}`);
  if (state === null) return ok(`Where no power sensor can be read, watts are modelled: ${powerMethod}`);
  const { source, method } = state.meter;
  if (source === 'modelled') return missing(`No power sensor is read; watts are modelled: ${method}`);
  return ok(`Watts are ${source}: ${method.replace(/^simulated: /, '')}`);
}

/** What a device would be and could do, before it is deployed. */
export async function reportBeforeDeploy(description: DeviceDescription): Promise<DeviceReport> {
  const quotas = description.simulated ? null : await findQuotaGroups();
  return reportOn(description, description.operatingPoints, quotas, null);
}

/** What can be said of the machine itself, before a device is made of it. */
export function findingsOf(detection: Detection): Finding[] {
  const cores = detection.cores.length === 1 ? '1 core' : `${detection.cores.length} cores`;
  return [
    ok(`${detection.cpuModel} (${detection.arch}), class: ${labelOfClass(detection.deviceClass)}`),
    detection.coresFrom === 'affinity'
      ? ok(`${cores} usable: ${detection.cores.join(', ')}`)
      : missing(`${cores} counted; which of them this process may use could not be read`),
    detection.canPin
      ? ok('Inference hosts can be pinned to cores (taskset)')
      : missing('Inference hosts cannot be pinned to cores: install taskset (util-linux)'),
  ];
}

function findingsOnQuotas({ groups, finding, swept }: QuotaGroupsFound): Finding[] {
  const found = [groups === null ? missing(finding) : ok(finding)];
  if (swept.length > 0) found.push(ok(`Removed control groups of a crashed predecessor: ${swept.join(', ')}`));
  return found;
}
