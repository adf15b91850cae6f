import assert from 'node:assert/strict';
import { joinTimes } from '../../../../../src/inference/host/operators/join-times';
import { parseTrace } from '../../../../../src/inference/host/operators/trace';
import { isEcomapError } from '../../../../../src/signals/errors';
import type { Operator } from '../../../../../src/signals/operator-profile';

interface Event {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: unknown;
  readonly args?: Readonly<Record<string, unknown>>;
}

const run = (ts: number, dur: number): Event => ({ cat: 'Session', name: 'model_run', ts, dur, args: {} });
const node = (name: string, opName: string, ts: number, dur: unknown): Event => ({
  cat: 'Node',
  name: `${name}_kernel_time`,
  ts,
  dur,
  args: { op_name: opName, node_index: '1' },
});

/** Two runs of a convolution and an activation; the first is ten times slower. */
const events: readonly Event[] = [
  { cat: 'Session', name: 'session_initialization', ts: 0, dur: 900, args: {} },
  node('conv', 'Conv', 1010, 500),
  node('', 'Relu', 1520, 100),
  run(1000, 700),
  node('conv', 'Conv', 2010, 50),
  node('', 'Relu', 2070, 10),
  run(2000, 90),
];
const everyRun = (): boolean => true;
const traceOf = (list: readonly Event[], isCounted: (run: number) => boolean = everyRun) =>
  parseTrace(JSON.stringify(list), isCounted);

function messageOfRefusal(text: string): string {
  try {
    parseTrace(text, everyRun);
  } catch (error) {
    assert.ok(isEcomapError(error));
    assert.equal(error.code, 'RUNTIME_UNAVAILABLE');
    return error.message;
  }
  return assert.fail('it was not refused');
}

describe('profile of the runtime', () => {
  it('tells the time of each node in each run that counts', () => {
    const trace = traceOf(events, (number) => number > 0);
    assert.equal(trace.runs, 1);
    assert.deepEqual(
      trace.nodes.map(({ name, opType, runsMs }) => [name, opType, runsMs.map((ms) => Math.round(ms * 1000))]),
      // Half a microsecond more each: the runtime cuts it off.
      [
        ['conv', 'Conv', [51]],
        ['', 'Relu', [11]],
      ],
    );
    assert.equal(traceOf(events).nodes[0]?.runsMs.length, 2);
  });

  it('leaves out what runs inside of another node', () => {
    const nested = [
      node('if', 'If', 1010, 400),
      node('inner', 'Add', 1100, 50),
      node('next', 'Mul', 1415, 5),
      run(1000, 700),
    ];
    assert.deepEqual(
      traceOf(nested).nodes.map(({ name }) => name),
      ['if', 'next'],
    );
  });

  it('keeps a node that takes less than the clock can tell', () => {
    const trace = traceOf([node('tiny', 'Reshape', 1010, 0), run(1000, 20)]);
    assert.deepEqual(trace.nodes[0]?.runsMs, [0.0005]);
  });

  it('is refused when it is half-written', () => {
    assert.match(messageOfRefusal(JSON.stringify(events).slice(0, 300)), /not complete/);
  });

  it('is refused when another version of the runtime has written it in another way', () => {
    assert.match(messageOfRefusal(JSON.stringify({ traceEvents: events })), /expected array/);
    assert.match(
      messageOfRefusal(JSON.stringify(events.map(({ name, ...rest }) => ({ label: name, ...rest })))),
      /name/,
    );
    const renamed = events.map((event) => ({ ...event, name: event.name.replace('_kernel_time', '_execution') }));
    assert.match(messageOfRefusal(JSON.stringify(renamed)), /no times of operators/);
    assert.match(
      messageOfRefusal(JSON.stringify(events.filter(({ name }) => name !== 'model_run'))),
      /no complete run/,
    );
    const nameless = events.map((event) => ({ ...event, args: {} }));
    assert.match(messageOfRefusal(JSON.stringify(nameless)), /operator of conv/);
  });

  it('is refused when a time is no number or less than none', () => {
    // JSON writes NaN as null.
    for (const dur of [null, -3, 'fast'])
      assert.match(messageOfRefusal(JSON.stringify([node('conv', 'Conv', 1010, dur), run(1000, 90)])), /dur/);
  });
});

describe('times of operators', () => {
  const operator = (name: string, type: string): Operator => ({
    name,
    type,
    domain: '',
    inputs: [],
    outputs: [{ elementType: 'float32', dims: [1, 4], constant: false }],
    attributes: {},
  });
  const times = (name: string, opType: string, runsMs: readonly number[]) => ({ name, opType, runsMs });

  it('go by name, and in order where names are missing or used twice', () => {
    const operators = [operator('a', 'Conv'), operator('', 'Relu'), operator('twice', 'Add'), operator('twice', 'Add')];
    const joined = joinTimes(operators, {
      runs: 1,
      nodes: [
        times('twice', 'Add', [1]),
        times('Relu_7', 'Relu', [2]),
        times('twice', 'Add', [3]),
        times('a', 'Conv', [4]),
      ],
    });
    assert.deepEqual(
      joined.map(({ name, ms, outputs }) => [name, ms, outputs.length]),
      [
        ['twice', 1, 1],
        ['', 2, 1],
        ['twice', 3, 1],
        ['a', 4, 1],
      ],
    );
  });

  it('take the faster half of the runs, and count what is not in the graph without shapes', () => {
    const joined = joinTimes([], { runs: 4, nodes: [times('new', 'Custom', [2, 4, 100, 100])] });
    assert.deepEqual(
      joined.map(({ type, ms, outputs }) => [type, ms, outputs.length]),
      [['Custom', 3, 0]],
    );
  });

  it('are per run of the model, whether a node runs twice in one or not in each', () => {
    const joined = joinTimes([operator('loop', 'Loop'), operator('rare', 'Add')], {
      runs: 2,
      nodes: [times('loop', 'Loop', [1, 1, 1, 1]), times('rare', 'Add', [6])],
    });
    assert.deepEqual(
      joined.map(({ ms }) => ms),
      [2, 3],
    );
  });
});
