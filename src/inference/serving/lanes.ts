import type { PendingRequest } from './pending-request';
import { rankOf, RequestQueue } from './queue';
import type { VariantServer } from './variant-server';

/** Requests that wait for the same server. */
export class Lane {
  readonly queue = new RequestQueue<PendingRequest>();
  /** Null while nothing is loaded that could answer them. */
  server: VariantServer | null = null;
  /** When one of them last went to be computed, or the first of them came. */
  #servedMs = 0;
  #gatheringSinceMs = 0;

  put(request: PendingRequest, nowMs: number): void {
    if (this.queue.size === 0) {
      this.#servedMs = nowMs;
      this.#gatheringSinceMs = request.arrivedMs;
    }
    this.queue.put(request);
  }

  /** Some of them have just been taken out to be computed. */
  wasServed(nowMs: number): void {
    this.#servedMs = nowMs;
    this.#gatheringSinceMs = this.queue.head()?.arrivedMs ?? nowMs;
  }

  isNeglected(nowMs: number): boolean {
    return nowMs - this.#servedMs >= neglectMs;
  }

  /** Whether the next run would hold fewer requests than it could. */
  get gathering(): boolean {
    const { server } = this;
    if (server === null || server.largestBatch === 1 || this.queue.size >= server.largestBatch) return false;
    return this.queue.head()?.alone === false;
  }

  /**
   * Until when the next run may be put off so that more join it: not beyond the delay that the first one can be asked to
   * accept, and not so long that a deadline is in danger.
   */
  ripeAtMs(batchDelayMs: number): number {
    if (batchDelayMs === 0 || !this.gathering) return -Infinity;
    const runMs = this.server?.expectedMs(this.server.largestBatch) ?? 0;
    return Math.min(this.#gatheringSinceMs + batchDelayMs, this.queue.earliestDeadlineMs - runMs);
  }
}

/** A lane that has waited this long for its turn gets one run before the others. */
const neglectMs = 1000;

/**
 * Where the requests of one tenant wait: for the planned variant, for a lighter one, or, when their deadlines are lost
 * anyway, until nobody else needs the planned variant.
 */
export class Lanes {
  readonly planned = new Lane();
  readonly light = new Lane();
  readonly late = new Lane();

  get size(): number {
    return this.planned.queue.size + this.light.queue.size + this.late.queue.size;
  }

  /** Whose turn it is: light ones before planned ones where a deadline asks for it, late ones last; nobody for ever. */
  next(nowMs: number): Lane | null {
    const { planned, light, late } = this;
    if (planned.server === null) return null;
    if (late.queue.size > 0 && late.isNeglected(nowMs)) return late;
    const first = planned.queue.head();
    const firstLight = light.server === null ? undefined : light.queue.head();
    if (first === undefined) return firstLight !== undefined ? light : late.queue.size > 0 ? late : null;
    if (firstLight === undefined) return planned;
    if (planned.isNeglected(nowMs)) return planned;
    const bothRunsMs = (planned.server.expectedMs(1) ?? 0) + (light.server?.expectedMs(1) ?? 0);
    const pressing = light.queue.earliestDeadlineMs < nowMs + bothRunsMs;
    return pressing || rankOf(firstLight) < rankOf(first) ? light : planned;
  }

  /** False when it waits nowhere. */
  remove(request: PendingRequest): boolean {
    return this.planned.queue.remove(request) || this.light.queue.remove(request) || this.late.queue.remove(request);
  }

  takeAll(): PendingRequest[] {
    return [...this.planned.queue.takeAll(), ...this.light.queue.takeAll(), ...this.late.queue.takeAll()];
  }
}
