import { unitKinds } from '../../../signals/co-location';
import { AnalyticBases } from './analytic-bases';
import type { PreparedCoLocation } from './prepared-co-location';

/** Bumped whenever a feature changes its meaning: a network reads only the features that it was trained with. */
export const featuresVersion = 1;

/**
 * What the network is told of each tenant, one token of these numbers: times in s, energies in J, `ln` the natural
 * logarithm. A = latency alone, V = by mean value analysis. The order of tenants means nothing.
 */
export const featureNames = [
  'ln A',
  'ln V/A',
  ...unitKinds.map((kind) => `share of A on ${kind}`),
  ...unitKinds.map((kind) => `ln longest stage on ${kind}`),
  ...unitKinds.map((kind) => `ln time on ${kind}`),
  ...unitKinds.map((kind) => `stages on ${kind} / 4`),
  'ln GB/A',
  'ln GB/V',
  'ln GFLOP/A',
  'ln energy/A',
  'ln energy/V',
  'share of A in transfers',
  ...unitKinds.map((kind) => `ln speed of ${kind} at the operating point`),
  'ln power by V over the cap',
  'ln power by A',
  'ln power by V',
  'tenants / 5',
  'load of others on the own units',
  'load of others on other units of the same kinds',
  'share of A on units that queue',
  'ln A over the time between requests',
  'ln slowdown beside a memory stressor',
  'ln slowdown beside itself',
  'ln slowdown of the stressor',
  'sensitivity known',
] as const;
export const featureCount = featureNames.length;

const smallest = 1e-6;
const ln = (value: number): number => Math.log(value > smallest ? value : smallest);
/** Far below or above the cap it no longer matters how far. */
const capRange = 2;
/** ln of the share of time that a network runs, alone: below it, it hardly disturbs anybody. */
const rarest = -3;

/** Features of the mappings of one set of networks on one device at one operating point. */
export class CoLocationFeatures {
  readonly bases: AnalyticBases;
  private readonly loadOnUnit: Float64Array;
  private readonly loadOnKind: Float64Array;

  constructor(readonly prepared: PreparedCoLocation) {
    this.bases = new AnalyticBases(prepared);
    this.loadOnUnit = new Float64Array(prepared.units);
    this.loadOnKind = new Float64Array(unitKinds.length);
  }

  /**
   * Writes the tokens of a mapping, one row of {@link featureCount} per network, from `offset` on. Afterwards `bases` and
   * `prepared.mapped` are those of this mapping.
   * @returns false, and nothing written, where a cost is unknown
   */
  write(mapping: readonly (readonly number[])[], into: Float32Array, offset: number): boolean {
    const { prepared, bases } = this;
    if (!prepared.map(mapping)) return false;
    bases.work();
    this.addLoads();
    const excess = prepared.capW === null ? -capRange : Math.log(bases.sharedPowerW / prepared.capW);
    const lnExcess = Math.min(capRange, Math.max(-capRange, excess));
    const lnAdditiveW = ln(bases.additivePowerW);
    const lnSharedW = ln(bases.sharedPowerW);
    for (let network = 0; network < prepared.count; network += 1) {
      let at = this.writeOwn(network, into, offset + network * featureCount);
      into[at++] = lnExcess;
      into[at++] = lnAdditiveW;
      into[at++] = lnSharedW;
      into[at++] = prepared.count / 5;
      this.writeCompany(network, into, at);
    }
    return true;
  }

  private addLoads(): void {
    const { loadOnUnit, loadOnKind, prepared } = this;
    const { count, units, kindOf, mapped } = prepared;
    loadOnUnit.fill(0);
    loadOnKind.fill(0);
    for (let network = 0; network < count; network += 1) {
      const cycle = 1 / prepared.cycleS(network, mapped.aloneS[network] ?? 0);
      for (let at = 0; at < units; at += 1) {
        const load = (mapped.onUnitS[network * units + at] ?? 0) * cycle;
        loadOnUnit[at] = (loadOnUnit[at] ?? 0) + load;
        const kind = kindOf[at] ?? 0;
        loadOnKind[kind] = (loadOnKind[kind] ?? 0) + load;
      }
    }
  }

  /** @returns where the next feature goes */
  private writeOwn(network: number, into: Float32Array, offset: number): number {
    const { prepared, bases } = this;
    const { units, kindOf, mapped, lnSpeed } = prepared;
    const alone = mapped.aloneS[network] ?? 0;
    const lnAlone = ln(alone);
    const lnShared = ln(bases.sharedS[network] ?? 0);
    let at = offset;
    into[at++] = lnAlone;
    into[at++] = lnShared - lnAlone;
    for (let kind = 0; kind < 3; kind += 1) {
      let onKind = 0;
      for (let unit = 0; unit < units; unit += 1) {
        if (kindOf[unit] === kind) onKind += mapped.onUnitS[network * units + unit] ?? 0;
      }
      const longest = mapped.longestS[network * 3 + kind] ?? 0;
      into[at] = onKind / alone;
      into[at + 3] = ln(longest);
      into[at + 6] = ln(onKind);
      into[at + 9] = (mapped.stages[network * 3 + kind] ?? 0) / 4;
      at += 1;
    }
    at += 9;
    const lnBytes = ln(prepared.gigabytes[network] ?? 0);
    const lnEnergy = ln(mapped.energyJ[network] ?? 0);
    into[at++] = lnBytes - lnAlone;
    into[at++] = lnBytes - lnShared;
    into[at++] = ln(prepared.gigaflop[network] ?? 0) - lnAlone;
    into[at++] = lnEnergy - lnAlone;
    into[at++] = lnEnergy - lnShared;
    into[at++] = (mapped.transferS[network] ?? 0) / alone;
    for (let kind = 0; kind < 3; kind += 1) into[at++] = lnSpeed[kind] ?? 0;
    return at;
  }

  private writeCompany(network: number, into: Float32Array, offset: number): void {
    const { prepared, loadOnUnit, loadOnKind } = this;
    const { units, kindOf, queued, mapped, sensitivity } = prepared;
    const alone = mapped.aloneS[network] ?? 0;
    const cycle = prepared.cycleS(network, alone);
    let here = 0;
    let elsewhere = 0;
    let queues = 0;
    let memory = 0;
    let itself = 0;
    let caused = 0;
    for (let unit = 0; unit < units; unit += 1) {
      const seconds = mapped.onUnitS[network * units + unit] ?? 0;
      if (seconds === 0) continue;
      const kind = kindOf[unit] ?? 0;
      let ownOnKind = 0;
      for (let other = 0; other < units; other += 1) {
        if (kindOf[other] === kind) ownOnKind += mapped.onUnitS[network * units + other] ?? 0;
      }
      const share = seconds / alone;
      const othersHere = (loadOnUnit[unit] ?? 0) - seconds / cycle;
      here += share * othersHere;
      elsewhere += share * ((loadOnKind[kind] ?? 0) - ownOnKind / cycle - othersHere);
      if (queued[unit] === 1) queues += share;
      const cell = 3 * (network * units + unit);
      memory += share * (sensitivity[cell] ?? 0);
      itself += share * (sensitivity[cell + 1] ?? 0);
      caused += share * (sensitivity[cell + 2] ?? 0);
    }
    // One unit without a measurement makes the sum unknown.
    const known = !Number.isNaN(memory);
    let at = offset;
    into[at++] = here;
    into[at++] = elsewhere;
    into[at++] = queues;
    into[at++] = Math.max(rarest, Math.log(alone / cycle));
    into[at++] = known ? memory : 0;
    into[at++] = known ? itself : 0;
    into[at++] = known ? caused : 0;
    into[at] = known ? 1 : 0;
  }
}
