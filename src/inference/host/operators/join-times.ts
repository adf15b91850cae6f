import type { Operator, OperatorTimes } from '../../../signals/operator-profile';
import type { NodeTimes, Trace } from './trace';

/**
 * Puts the times of a trace to the operators of the executed graph: by name, and nodes without a name, or with that of another, in
 * the order of their type. What the graph does not show (it is not in the file that the runtime writes) becomes an operator without
 * shapes; what never ran (the branch not taken) is left out.
 */
export function joinTimes(operators: readonly Operator[], { nodes, runs }: Trace): OperatorTimes['operators'] {
  const waiting = new Map<string, Operator[]>();
  const keyOf = (name: string, type: string): string => `${type}\n${name}`;
  for (const operator of operators) {
    const key = keyOf(operator.name, operator.type);
    waiting.set(key, [...(waiting.get(key) ?? []), operator]);
  }
  return nodes.map((node) => {
    // The runtime calls a node without a name by its type and number.
    const found =
      waiting.get(keyOf(node.name, node.opType))?.shift() ??
      (isMadeUp(node) ? waiting.get(keyOf('', node.opType))?.shift() : undefined);
    const operator = found ?? {
      name: node.name,
      type: node.opType,
      domain: '',
      inputs: [],
      outputs: [],
      attributes: {},
    };
    // A node that runs several times per run, or not in each, counts with what it costs per run.
    return { ...operator, ms: (meanOfFasterHalf(node.runsMs) * node.runsMs.length) / runs };
  });
}

const isMadeUp = ({ name, opType }: NodeTimes): boolean => name === opType || /^_\d+$/.test(name.slice(opType.length));

/** What else runs on the cores only adds to a time. Finer than a median of whole microseconds. */
export function meanOfFasterHalf(values: readonly number[]): number {
  const kept = [...values].sort((a, b) => a - b).slice(0, Math.ceil(values.length / 2));
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}
