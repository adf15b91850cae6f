import { ArmProcess } from '../../arms/arm-process';
import { rounded } from '../../report';
import { interleaved, median, type BenchContext, type PartResult } from '../context';
import type { Dispatch } from '../dispatch-arm';

/** What queue, deadline and batching decision cost per request. */
export async function measureDispatch(context: BenchContext): Promise<PartResult> {
  const arm = await ArmProcess.start<Dispatch>('dispatch', null);
  const requests = context.quick ? 20_000 : 100_000;
  const measure = (tenants: number, inFlight: number, largestBatch: number) => () =>
    arm.call('measure', { requests, tenants, inFlight, largestBatch });
  const ways = {
    alone: measure(1, 8, 1),
    shared: measure(4, 8, 1),
    batched: measure(4, 8, 4),
    long: measure(4, 200, 1),
  };
  context.say('dispatch: own work per request');
  // The first round is for the compiler.
  await interleaved(1, ways);
  const measured = await interleaved(context.rounds, ways);
  await arm.close();
  const ownMs = Object.fromEntries(
    Object.entries(measured).map(([name, rounds]) => [
      name,
      rounded(median(rounds.map(({ dispatchMs, emptyMs }) => dispatchMs - emptyMs)), 4),
    ]),
  );
  return {
    figures: { dispatchMs: Math.max(...Object.values(ownMs)), dispatchMsOf: ownMs },
    setup: {
      dispatchMs:
        `CPU time of the process per request from submit to answer (payload check, queue, deadline, batching decision, account, ` +
        `counters, garbage collection), minus a loop that only calls the variant; a variant that answers at once, ${requests} ` +
        'requests per round, each with a deadline. The worst of: alone (one tenant, 8 under way), shared (four tenants), ' +
        'batched (up to 4 together), long (200 under way per tenant)',
    },
  };
}
