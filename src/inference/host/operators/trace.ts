import { z } from 'zod';
import { EcomapError, messageOf } from '../../../signals/errors';
import { describeIssues } from '../../../signals/parse';

/** One event of the runtime's profile (a Chrome trace), as far as it is read here. Times are whole microseconds. */
const eventSchema = z.object({
  cat: z.string(),
  name: z.string(),
  ts: z.number().nonnegative(),
  dur: z.number().nonnegative(),
  args: z.object({ op_name: z.string().optional() }),
});
type Event = z.infer<typeof eventSchema>;

/** Ends the name of what tells how long a node took; before it stands the node's name. */
const kernelSuffix = '_kernel_time';
/** The runtime cuts times down to whole microseconds: on average half of one is missing. */
const cutOffMs = 0.0005;

export interface NodeTimes {
  readonly name: string;
  readonly opType: string;
  /** Of each run, ms. */
  readonly runsMs: readonly number[];
}

export interface Trace {
  readonly runs: number;
  /** In the order in which they are executed. */
  readonly nodes: readonly NodeTimes[];
}

/**
 * Reads a profile that ONNX Runtime has written. Nodes inside of others (the branches of If, the body of Loop) are left out,
 * because the outer node's time includes theirs.
 * @param isCounted by the number of the run: false for those that only warm up
 * @throws EcomapError RUNTIME_UNAVAILABLE when it is written only in part, or not as this version of the package knows it
 */
export function parseTrace(text: string, isCounted: (run: number) => boolean): Trace {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw unreadable(`it is not complete (${messageOf(error)})`);
  }
  const parsed = z.array(eventSchema).safeParse(content);
  if (!parsed.success) throw unreadable(describeIssues(parsed.error));
  const runs = parsed.data
    .filter(({ cat, name }) => cat === 'Session' && name === 'model_run')
    .sort((a, b) => a.ts - b.ts)
    .filter((_, run) => isCounted(run));
  if (runs.length === 0) throw unreadable('it holds no complete run');
  const kernels = parsed.data
    .filter(({ cat, name }) => cat === 'Node' && name.endsWith(kernelSuffix))
    .sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  const nodes = new Map<string, { name: string; opType: string; runsMs: number[] }>();
  let next = 0;
  for (const run of runs) {
    while (next < kernels.length && (kernels[next]?.ts ?? 0) < run.ts) next += 1;
    const ofRun: Event[] = [];
    for (let kernel = kernels[next]; kernel !== undefined && endOf(kernel) <= endOf(run); kernel = kernels[next]) {
      ofRun.push(kernel);
      next += 1;
    }
    for (const { name, args, dur } of outermost(ofRun)) {
      const opType = args.op_name;
      if (opType === undefined) throw unreadable(`the operator of ${name} is missing`);
      const node = nodes.get(name) ?? { name: name.slice(0, -kernelSuffix.length), opType, runsMs: [] };
      node.runsMs.push(dur / 1000 + cutOffMs);
      nodes.set(name, node);
    }
  }
  if (nodes.size === 0) throw unreadable('it tells no times of operators');
  return { runs: runs.length, nodes: [...nodes.values()] };
}

const endOf = ({ ts, dur }: Event): number => ts + dur;

/** Events of one run by their start, without those that lie within another. */
function outermost(events: readonly Event[]): Event[] {
  const kept: Event[] = [];
  let busyUntil = -1;
  for (const event of events) {
    // Two that follow each other within one microsecond seem to overlap by it.
    if (event.ts < busyUntil && endOf(event) <= busyUntil && event.dur > 0) continue;
    kept.push(event);
    busyUntil = Math.max(busyUntil, endOf(event));
  }
  return kept;
}

function unreadable(why: string): EcomapError {
  return new EcomapError(
    'RUNTIME_UNAVAILABLE',
    `The profile that ONNX Runtime has written cannot be used: ${why}. Measure again; if that does not help, install the version ` +
      'of onnxruntime-node that this package names.',
  );
}
