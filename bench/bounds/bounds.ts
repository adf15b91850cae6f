import type { LoopBoard } from '../../src/loop/simulated-board/board';
import { VariantCosts } from '../../src/mapping/costs';
import { AnalyticEstimator } from '../../src/mapping/estimator/analytic';
import type { BatchEstimator, Candidate, EstimationContext, Work } from '../../src/mapping/estimator/estimator';
import type { ProfileLookup } from '../../src/mapping/profiles/table';
import type { OperatingPoint } from '../../src/signals/device';
import { quantile } from '../../src/signals/statistics';
import type { Tenant } from '../../src/signals/tenant';
import { servingUnits } from '../../src/simulation/devices/workloads/families';
import type { Arrivals } from '../../src/simulation/devices/workloads/mixes';
import { arrivalTimes } from '../../src/simulation/devices/workloads/requests';
import { serveOnBoard, type ServedNetwork } from '../../src/simulation/devices/workloads/serving';
import { Random } from '../../src/simulation/random';

/** How an estimator's upper bounds compare with the 95th percentile of what tenants got. */
export interface BoundFigures {
  readonly estimator: string;
  /** Tenants, each of one mapping. */
  readonly tenants: number;
  /** Share of them whose 95th percentile is within the bound. */
  readonly coveragePct: number;
  /** Bound over 95th percentile: the nearer to 1, the less is given away. */
  readonly overTruth: { readonly p10: number; readonly p50: number; readonly p90: number };
}

export interface HeldMix {
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileLookup;
  readonly estimators: Readonly<Record<string, BatchEstimator>>;
  /** How many are drawn. */
  readonly mappings: number;
  readonly seed: number;
}

/** Above it a queue takes longer to settle than is simulated. */
const mostLoad = 0.85;
/** Requests of the tenant that asks least. */
const leastRequests = 4000;
/** No request is refused: what waits counts. */
const queueLength = Number.MAX_SAFE_INTEGER;

/** Random mappings at random operating points, served on a simulated board. */
export class Bounds {
  private readonly ratios = new Map<string, number[]>();
  private readonly analytic = new AnalyticEstimator();

  constructor(
    private readonly board: LoopBoard,
    private readonly points: readonly OperatingPoint[],
    private readonly arrivals: Arrivals,
  ) {}

  async hold({ tenants, profiles, estimators, mappings, seed }: HeldMix): Promise<void> {
    const { board, points } = this;
    const { components } = board;
    const costs = new VariantCosts({ components, operatingPoints: points }, profiles);
    const random = new Random(seed + 5);
    for (let drawn = 0; drawn < mappings;) {
      const operatingPoint = random.pick(points);
      const work = tenants.map((tenant): Work => {
        const variant = random.pick(tenant.variants).name;
        const { name, arrivalRatePerS: ratePerS, priority } = tenant;
        return { ...costs.workOf(name, variant, operatingPoint), tenant: name, variant, ratePerS, priority };
      });
      const candidate = work.map((one) => {
        const places = (one.costs[0] ?? []).flatMap((cost, at) => (cost === null ? [] : [at]));
        return [random.pick(places)];
      });
      const context = { components, operatingPoint, work };
      const [queueing] = this.analytic.estimate([candidate], context);
      if (Math.max(...(queueing?.load ?? [1])) > mostLoad) continue;
      drawn += 1;
      await this.compare(tenants, context, candidate, estimators, random.integer(0, 2 ** 30));
    }
  }

  figures(): BoundFigures[] {
    return [...this.ratios].map(([estimator, ratios]) => {
      const at = (share: number): number => quantile(ratios, share) ?? Number.NaN;
      const covered = ratios.filter((ratio) => ratio >= 1).length;
      return {
        estimator,
        tenants: ratios.length,
        coveragePct: (100 * covered) / ratios.length,
        overTruth: { p10: at(0.1), p50: at(0.5), p90: at(0.9) },
      };
    });
  }

  private async compare(
    tenants: readonly Tenant[],
    context: EstimationContext,
    candidate: Candidate,
    estimators: HeldMix['estimators'],
    seed: number,
  ): Promise<void> {
    const truthMs = this.served(tenants, context, candidate, seed);
    for (const [name, estimator] of Object.entries(estimators)) {
      const [prediction] = await estimator.estimate([candidate], context);
      const ratios = this.ratios.get(name) ?? [];
      this.ratios.set(name, ratios);
      truthMs.forEach((p95Ms, index) => ratios.push((prediction?.latencyMs[index]?.upper ?? 0) / p95Ms));
    }
  }

  /** 95th percentile of each tenant's answers, ms. */
  private served(
    tenants: readonly Tenant[],
    { work, operatingPoint }: EstimationContext,
    candidate: Candidate,
    seed: number,
  ): number[] {
    const { board } = this;
    const open = (): ServedNetwork[] =>
      work.map(({ variant, ratePerS, priority }, index) => {
        const unit = servingUnits.find((one) => one === board.components[candidate[index]?.[0] ?? 0]?.name) ?? 'gpu';
        const network = board.networkOf(tenants[index] ?? { family: '' }, variant, unit);
        if (network === null) throw new RangeError(`${variant} does not run on ${unit}`);
        const random = new Random(seed + index);
        const next = arrivalTimes(ratePerS, random.fork(), this.arrivals === 'bursty');
        return { network, unit, random, priority, asks: { next, queueLength } };
      });
    const rates = work.map(({ ratePerS }) => ratePerS);
    const horizonS = leastRequests / Math.min(...rates);
    const { networks } = serveOnBoard(board.model, board.clocksAt(operatingPoint.name), open, horizonS, rates);
    return networks.map(({ latencyS }) => 1000 * (quantile(latencyS, 0.95) ?? Number.NaN));
  }
}
