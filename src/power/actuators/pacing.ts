import type { ThrottleTarget } from '../../signals/device';
import { EcomapError, messageOf } from '../../signals/errors';
import { shareTolerance, type Targets } from './actuator';

const answerWithinMs = 5_000;

const notPaced = (target: ThrottleTarget, what: string, cause?: unknown): EcomapError =>
  new EcomapError(
    'CAP_NOT_ENFORCEABLE',
    `the inference host of ${target.component} (process ${target.pid}) ${what}: restart it by deploying the flow again`,
    { cause },
  );

async function withinTime(target: ThrottleTarget, answer: Promise<number>, limitMs: number): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(notPaced(target, `did not answer within ${limitMs / 1000} s when told to slow down`));
    }, limitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Slows hosts down by having them pause between runs: works on every operating system, without any privilege. */
export class Pacing {
  constructor(
    private readonly targets: Targets,
    private readonly limitMs = answerWithinMs,
  ) {}

  /** @throws EcomapError CAP_NOT_ENFORCEABLE when a host that is still there does not work at the share asked for */
  async applyToAll(share: number): Promise<void> {
    const outcomes = await Promise.allSettled([...this.targets].map((target) => this.applyTo(target, share)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async applyTo(target: ThrottleTarget, share: number): Promise<void> {
    let inForce: number;
    try {
      inForce = await withinTime(target, target.pace(share), this.limitMs);
    } catch (error) {
      if (!this.targets.has(target)) return; // it went away meanwhile: nothing left to slow down
      if (error instanceof EcomapError) throw error;
      throw notPaced(target, `could not be slowed down (${messageOf(error)})`, error);
    }
    if (Math.abs(inForce - share) > shareTolerance && this.targets.has(target))
      throw notPaced(target, `was told to work ${share * 100} % of the time and says ${inForce * 100} %`);
  }
}
