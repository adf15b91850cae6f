import { runClosedLoops, sleep, type LoadFigures, type LoadOrder } from '../arms/closed-loop';
import { EventLoopDelay } from '../event-loop/delay';

export interface DelayFigures {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maximumMs: number;
  readonly load: LoadFigures;
}

/** What every arm can do: answer closed loops, and say how late timers were in its main process meanwhile. */
export function measuring(infer: (tenant: string) => Promise<unknown>) {
  return {
    measure: (order: LoadOrder): Promise<LoadFigures> => runClosedLoops(infer, order),
    async measureDelay(order: LoadOrder): Promise<DelayFigures> {
      const loading = runClosedLoops(infer, order);
      await sleep(order.warmUpS);
      const delay = new EventLoopDelay();
      delay.start();
      await Promise.race([sleep(order.seconds), loading]);
      return { ...delay.stop(), load: await loading };
    },
  };
}
export type Measuring = ReturnType<typeof measuring>;
