import type { Component } from '../../signals/device';
import { EcomapError, isEcomapError } from '../../signals/errors';
import type { Profile, ProfileRunner } from '../../signals/profile';

/** A device counts as changed when the anchor moves by more, either way. */
const mostMoved = Math.log(1.1);

/** Whether two anchor latencies (see `ProfileRunner.anchorLatencyMs`) come from a device at different speeds. */
function hasMoved(beforeMs: number | null | undefined, nowMs: number): boolean {
  return typeof beforeMs === 'number' && Math.abs(Math.log(nowMs / beforeMs)) > mostMoved;
}

/**
 * What the classes of components run at while profiles are measured: a device that gets hot slows down, and what is measured
 * then is not what was measured before. The speed of a class is the highest seen since the beginning, because whatever
 * competes for a component makes the anchor slower, and nothing makes it faster than the device is.
 */
export class SpeedWatch {
  private readonly anchors = new Map<string, number>();

  constructor(
    private readonly runner: Pick<ProfileRunner, 'anchorLatencyMs'>,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Measures the class now, as what the rest is compared with. @throws EcomapError when nothing runs there */
  async begin(component: Component): Promise<void> {
    this.anchors.set(component.componentClass, await this.runner.anchorLatencyMs(component, this.signal));
  }

  /** A profile was measured now. */
  saw({ componentClass, anchorLatencyMs }: Profile): void {
    const fastest = this.anchors.get(componentClass);
    if (typeof anchorLatencyMs === 'number' && fastest !== undefined && anchorLatencyMs < fastest) {
      this.anchors.set(componentClass, anchorLatencyMs);
    }
  }

  /** Whether a profile was measured at another speed than the class has now. One without an anchor is taken for good. */
  isOff({ componentClass, anchorLatencyMs }: Profile): boolean {
    const now = this.anchors.get(componentClass);
    return now !== undefined && hasMoved(anchorLatencyMs, now);
  }

  /** Whether nothing runs on a component any more, after something has failed there. */
  async isGone(component: Component): Promise<boolean> {
    try {
      await this.runner.anchorLatencyMs(component, this.signal);
      return false;
    } catch (error) {
      this.signal?.throwIfAborted();
      if (isEcomapError(error) && error.code === 'NODE_CLOSED') throw error;
      return error instanceof EcomapError;
    }
  }
}
