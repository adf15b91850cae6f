import type { InferenceExecutor } from '../inference/executor';
import { LatencyHistogram } from '../inference/serving/latency-histogram';
import { isEcomapError } from '../signals/errors';
import type { LatencyQuantiles } from '../signals/telemetry';
import type { Tenant } from '../signals/tenant';
import { poissonArrivals } from '../simulation/poisson-arrivals';
import { SamplePool } from '../simulation/sample-pool';
import { familyNames, type DemonstrationSample, type FamilyName } from '../simulation/samples';

export interface TrafficCount {
  offered: number;
  answered: number;
  /** Right answers, known because the samples are generated: an observation beside the accuracy on the model card. */
  correct: number;
  /** Refused or lost, by code. */
  refused: Record<string, number>;
}

/** Whether an answer in the tenant's declared form is right. */
function isRight(sample: DemonstrationSample, payload: unknown, tolerance: number): boolean {
  if (typeof payload !== 'object' || payload === null) return false;
  if (sample.truth.kind === 'class') return 'label' in payload && payload.label === sample.truth.label;
  return (
    'value' in payload && typeof payload.value === 'number' && Math.abs(payload.value - sample.truth.value) <= tolerance
  );
}

/** Live traffic from the sample generators to demonstration tenants, the same for every policy that is compared. */
export class Traffic {
  readonly counts = new Map<string, TrafficCount>();
  private readonly latency = new LatencyHistogram();
  private readonly open = new Set<Promise<void>>();
  private stops: (() => void)[] = [];

  constructor(
    private readonly tenants: readonly Tenant[],
    private readonly pool: SamplePool,
    private readonly seed: number,
  ) {
    for (const tenant of tenants) this.counts.set(tenant.name, { offered: 0, answered: 0, correct: 0, refused: {} });
  }

  /** Of all answers so far, from arrival to answer; null before the first. */
  get latencyMs(): LatencyQuantiles | null {
    return this.latency.quantiles();
  }

  start(executor: InferenceExecutor): void {
    this.tenants.forEach((tenant, index) => {
      const family = familyNames.find((name) => name === tenant.family);
      if (family === undefined) return;
      this.stops.push(
        poissonArrivals(tenant.arrivalRatePerS, this.seed + index, () => {
          const request = this.request(executor, tenant, family).finally(() => this.open.delete(request));
          this.open.add(request);
        }),
      );
    });
  }

  stop(): void {
    for (const stop of this.stops) stop();
    this.stops = [];
  }

  /** Resolves when all requests have ended, or so many ms later: true where all have. */
  async settled(limitMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), limitMs)));
    const ended = await Promise.race([Promise.all(this.open).then(() => true), limit]);
    clearTimeout(timer);
    return ended;
  }

  private async request(executor: InferenceExecutor, tenant: Tenant, family: FamilyName): Promise<void> {
    const count = this.counts.get(tenant.name);
    if (!count) return;
    const sample = this.pool.draw(family);
    const tolerance = tenant.output.kind === 'value' ? (tenant.output.tolerance ?? 0) : 0;
    count.offered += 1;
    try {
      const { payload, account } = await executor.infer({
        tenant: tenant.name,
        payload: { type: 'float32', dims: sample.dims, data: sample.data },
      });
      count.answered += 1;
      this.latency.record(account.latencyMs);
      if (isRight(sample, payload, tolerance)) count.correct += 1;
    } catch (error) {
      const code = isEcomapError(error) ? error.code : 'UNKNOWN';
      count.refused[code] = (count.refused[code] ?? 0) + 1;
    }
  }
}
