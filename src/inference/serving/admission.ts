import { EcomapError } from '../../signals/errors';
import type { Tenant } from '../../signals/tenant';
import type { Lane, Lanes } from './lanes';
import { cannotBeInTime } from './lateness';
import type { DowngradeReason, PendingRequest } from './pending-request';

/** How many times the queue's length may wait outside of a full queue, where the tenant lets requests wait. */
const mostOutside = 16;

/** Requests that may wait for the planned variant, in the queue and outside of it. */
function mostWaitingOf(tenant: Tenant, capacity: number): number {
  return tenant.serving.whenFull === 'wait' ? capacity * (1 + mostOutside) : capacity;
}

/**
 * Decides which lane a request waits in, or that it is refused: now when it comes, and again when time runs out for it. What
 * happens when the queue is full or the deadline would be missed is the tenant's choice: reject, wait or downgrade.
 */
export class Admission {
  readonly #mostWaiting: number;
  /** Whether a request is only overtaken by higher priorities, never because others before it are thrown out. */
  readonly #ordered: boolean;

  constructor(
    private readonly tenant: Tenant,
    private readonly capacity: number,
    private readonly lanes: Lanes,
    /** No run of the tenant can begin before this; in the past when one can begin now. */
    private readonly freeAtMs: () => number,
    /** Ends a request that had already been let in. */
    private readonly refuse: (request: PendingRequest, error: EcomapError) => void,
  ) {
    this.#mostWaiting = mostWaitingOf(tenant, capacity);
    this.#ordered = !(tenant.serving.drop === 'oldest' && tenant.serving.whenFull === 'reject');
  }

  /** @throws EcomapError INPUT_MISMATCH, QUEUE_FULL, DEADLINE_EXCEEDED */
  admit(request: PendingRequest, nowMs: number): void {
    const { planned, late } = this.lanes;
    planned.server?.encode(request);
    if (!this.#isLate(planned, request, nowMs)) {
      this.#enter(planned, request, nowMs);
      return;
    }
    if (this.tenant.serving.whenLate === 'wait') {
      this.#enter(late, request, nowMs);
      return;
    }
    const error = this.#answerLate(request, nowMs);
    if (error !== null) throw error;
  }

  /** Finds another way for those that can no longer be in time where they wait, or refuses them. */
  sweep(nowMs: number): void {
    const { planned, light, late } = this.lanes;
    const patient = this.tenant.serving.whenLate === 'wait';
    for (const request of planned.queue.takeLate(nowMs, planned.server?.leastMs(nowMs) ?? 0)) {
      if (patient) late.put(request, nowMs);
      else this.#refuseIf(request, this.#answerLate(request, nowMs));
    }
    for (const request of light.queue.takeLate(nowMs, light.server?.leastMs(nowMs) ?? 0)) {
      request.downgraded = null;
      if (patient) late.put(request, nowMs);
      else this.#refuseIf(request, this.#tooLate(request, light, nowMs, ''));
    }
  }

  /** When the next one runs out of time; Infinity when none will. */
  nextSweepMs(nowMs: number): number {
    const { planned, light } = this.lanes;
    return Math.min(lastStartMs(planned, nowMs), lastStartMs(light, nowMs));
  }

  #isLate(lane: Lane, request: PendingRequest, nowMs: number): boolean {
    return cannotBeInTime(lane, request, nowMs, this.freeAtMs(), this.#ordered);
  }

  #refuseIf(request: PendingRequest, error: EcomapError | null): void {
    if (error !== null) this.refuse(request, error);
  }

  /** Null when a lighter variant will answer in time. */
  #answerLate(request: PendingRequest, nowMs: number): EcomapError | null {
    const { planned } = this.lanes;
    if (this.tenant.serving.whenLate !== 'downgrade') return this.#tooLate(request, planned, nowMs, '');
    const obstacle = this.#downgrade(request, 'late', nowMs);
    return obstacle === null ? null : this.#tooLate(request, planned, nowMs, ` ${obstacle}`);
  }

  #enter(lane: Lane, request: PendingRequest, nowMs: number): void {
    const { planned, late } = this.lanes;
    if (planned.queue.size + late.queue.size < this.#mostWaiting) {
      lane.put(request, nowMs);
      return;
    }
    const { whenFull, drop } = this.tenant.serving;
    const obstacle = whenFull === 'downgrade' ? this.#downgrade(request, 'full', nowMs) : '';
    if (obstacle === null) return;
    const victim = drop === 'oldest' ? this.#oldest(request.priority) : undefined;
    if (victim === undefined) throw this.#full(obstacle);
    this.lanes.remove(victim);
    this.refuse(victim, this.#madeRoom());
    lane.put(request, nowMs);
  }

  /** Of those that are no more important than a newcomer of this priority, the one that has waited longest. */
  #oldest(priority: number): PendingRequest | undefined {
    const { planned, late } = this.lanes;
    const one = planned.queue.oldest(priority);
    const other = late.queue.oldest(priority);
    if (one === undefined || other === undefined) return one ?? other;
    return one.arrivedMs <= other.arrivedMs ? one : other;
  }

  /** Lets a lighter variant answer. Null when that is possible, else what is in the way, as a sentence. */
  #downgrade(request: PendingRequest, reason: DowngradeReason, nowMs: number): string | null {
    const { light, planned } = this.lanes;
    if (light.server === null) {
      const isInStages = planned.server?.loaded.entryTimes !== undefined;
      return isInStages
        ? 'Beside a variant in stages no lighter one is loaded that could answer instead.'
        : 'No lighter variant is loaded that could answer instead.';
    }
    const { name } = light.server.loaded.variant;
    if (light.queue.size >= this.capacity) return `As many already wait for the lighter variant "${name}".`;
    if (this.#isLate(light, request, nowMs)) return `The lighter variant "${name}" could not be in time either.`;
    light.server.encode(request);
    request.downgraded = reason;
    light.put(request, nowMs);
    return null;
  }

  #full(obstacle: string): EcomapError {
    const outside = this.#mostWaiting - this.capacity;
    const where =
      outside > 0
        ? `${this.capacity} requests wait in it and ${outside} more outside`
        : `${this.capacity} requests wait`;
    return new EcomapError(
      'QUEUE_FULL',
      `The queue of "${this.tenant.name}" is full (${where}).${obstacle === '' ? '' : ` ${obstacle}`} ` +
        'Send fewer, allow a lighter variant, or make the queue longer.',
    );
  }

  #madeRoom(): EcomapError {
    return new EcomapError(
      'QUEUE_FULL',
      `The queue of "${this.tenant.name}" is full (${this.capacity} requests wait), and this one made room for a newer one ` +
        'because it had waited longest. Send fewer, allow a lighter variant, or make the queue longer.',
    );
  }

  #tooLate(request: PendingRequest, { server, queue }: Lane, nowMs: number, more: string): EcomapError {
    const { name } = this.tenant;
    const leftMs = (request.deadlineMs ?? Infinity) - nowMs;
    const leastMs = server?.leastMs(nowMs) ?? 0;
    const why =
      leftMs <= 0
        ? `The deadline of the request to "${name}" passed before it was its turn.`
        : leftMs < leastMs
          ? `The request to "${name}" had ${leftMs.toFixed(1)} ms left, an inference takes at least ${leastMs.toFixed(1)} ms.`
          : `The request to "${name}" had ${leftMs.toFixed(1)} ms left behind ${queue.ahead(request)} others, ` +
            `and an inference takes at least ${leastMs.toFixed(1)} ms.`;
    return new EcomapError('DEADLINE_EXCEEDED', `${why}${more} Allow more time or a lighter variant.`);
  }
}

/** When the most pressing request of a lane must be started at the latest. */
function lastStartMs({ queue, server }: Lane, nowMs: number): number {
  return queue.earliestDeadlineMs - (server?.leastMs(nowMs) ?? 0);
}
