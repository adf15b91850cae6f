import { EcomapError } from '../../signals/errors';
import type { Tenant, Variant } from '../../signals/tenant';
import { decodeOutputs } from '../tensors/answers';
import { canaryInputs } from '../tensors/canary';
import type { Clock } from '../clock';
import { expectedInputs } from '../tensors/expected-inputs';
import type { RunAnswer, StageRange } from '../host/protocol';
import type { HostRun, StagePart } from '../hosting/host-process';
import type { Dispatcher } from '../serving/dispatcher';
import { RunTimes } from '../serving/run-times';
import type { LoadedVariant, RunWay } from '../serving/variant-server';
import { RequestSlots, type RequestSlot } from '../shared-memory/request-slots';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import type { ModelSignature, NamedTensors, TensorSpec } from '../tensors/tensors';
import { StageClient } from './stage-client';
import { StageDeployment, type StageHost } from './stage-deployment';
import { StageFlow } from './stage-flow';

/** Where one stage shall run. */
export interface StagePlace {
  readonly host: StageHost;
  readonly dispatcher: Dispatcher;
  /** Number of the computing node with which it begins; see `cutPoints`. */
  readonly firstNode: number;
}

export interface PipelineOptions {
  readonly tenant: Tenant;
  readonly variant: Variant;
  /** At least two, in the order of their nodes. */
  readonly places: readonly StagePlace[];
  readonly slots: SlotDirectory;
  /** Tells the slot files of pipelines apart. */
  readonly name: string;
  readonly cacheDirectory: string | null;
  readonly clock: Clock;
}

/**
 * Runs that have begun one stage and not yet the next are at most so many, so that no more than these can come to wait there with
 * their tensors: one that waits and one that is being computed keep a component busy, more would only take memory.
 */
export const mostAhead = 2;

/** How far a run has come: the stage that it has not begun yet. */
interface Passage {
  towards: number;
}

/**
 * A variant that runs in stages on several components. Each run goes through all of them; while a later stage computes one run,
 * the first may compute the next. Tensors pass from host to host through the slot files of the run: Node-RED's process only
 * says where they lie.
 */
export class Pipeline implements LoadedVariant {
  readonly variant: Variant;
  readonly component: string;
  readonly inputs: readonly TensorSpec[];
  readonly batches: boolean;
  readonly times = new RunTimes();
  readonly #whole: ModelSignature;
  readonly #stageComponents: readonly string[];
  readonly #slots: RequestSlots;
  /** The clients of the stages after the first, in their order. */
  readonly #clients: StageClient[];
  /** By stage: runs that have begun the one before it and not yet this one. */
  readonly #ahead: number[];
  #underWay = 0;
  #onDrained: (() => void)[] = [];

  private constructor(
    private readonly options: PipelineOptions,
    private readonly stages: StageDeployment[],
    whole: ModelSignature,
  ) {
    const { tenant, variant, slots, name } = options;
    this.variant = variant;
    this.#stageComponents = stages.map(({ component }) => component);
    this.component = this.#stageComponents[0] ?? '';
    this.#whole = whole;
    this.inputs = expectedInputs(tenant.input, whole);
    // Between stages, too, a run of several requests is several pieces.
    this.batches = stages.every(({ answer: { signature } }) =>
      [...signature.inputs, ...signature.outputs].every(({ dims }) => typeof dims[0] === 'string'),
    );
    this.#slots = new RequestSlots(slots, name);
    this.#ahead = stages.map(() => 0);
    this.#clients = stages.slice(1).map(
      // The times of a stage stay the same when another host takes over.
      ({ times }, index) =>
        new StageClient({
          weight: tenant.serving.weight,
          latencyLimitMs: tenant.latencyLimitMs,
          expectedMs: () => times.meanMs(),
          mayStart: () => this.#hasRoomAfter(index + 1),
        }),
    );
  }

  /**
   * Loads the stages on their components, compares the whole with the tenant's declarations and runs it once through all of them.
   * Nothing stays loaded when that fails.
   * @throws EcomapError as `Deployment.prepare`, and INVALID_MESSAGE when the variant cannot be cut there
   */
  static async prepare(options: PipelineOptions): Promise<Pipeline> {
    const { places, variant, cacheDirectory, tenant } = options;
    const stages: StageDeployment[] = [];
    try {
      // One after the other: what the first finds out about the model serves the others.
      for (const [index, { host }] of places.entries()) {
        stages.push(await StageDeployment.load(host, variant, rangeOf(places, index, cacheDirectory)));
      }
      const whole = stages[0]?.answer.whole;
      if (whole === undefined) throw new EcomapError('INTERNAL_ERROR', 'The first stage says nothing about the whole.');
      const pipeline = new Pipeline(options, stages, whole);
      try {
        await pipeline.#prove(tenant);
      } catch (error) {
        pipeline.#slots.close();
        throw error;
      }
      pipeline.#attach();
      return pipeline;
    } catch (error) {
      await Promise.all(stages.map((stage) => stage.retire()));
      throw error;
    }
  }

  /** The key under which a host knows a stage. */
  keyOf(stage: number): string | undefined {
    return this.stages[stage]?.key;
  }

  /**
   * Loads a stage into another host of its component and proves it by an inference through all stages, beside what runs.
   * @throws EcomapError as {@link prepare}
   */
  async placeStage(stage: number, host: StageHost): Promise<StageDeployment> {
    const { variant, places, cacheDirectory, tenant } = this.options;
    const range = rangeOf(places, stage, cacheDirectory);
    const placed = await StageDeployment.load(host, variant, range, this.stages[stage]?.times);
    try {
      await this.#prove(tenant, (index) => (index === stage ? placed : this.stages[index]));
      return placed;
    } catch (error) {
      await placed.retire();
      throw error;
    }
  }

  /** From now on the stage is computed there. Returns what computed it before. */
  replaceStage(stage: number, placed: StageDeployment): StageDeployment[] {
    return this.stages.splice(stage, 1, placed);
  }

  /** What a run keeps the first component busy for. */
  get entryTimes(): RunTimes {
    return this.stages[0]?.times ?? this.times;
  }

  /** Each once, in the order of the stages. */
  get components(): string[] {
    return [...new Set(this.#stageComponents)];
  }

  /** Whether another run may begin now. */
  get accepts(): boolean {
    return this.#hasRoomAfter(0);
  }

  /** Runs that wait for a later stage. */
  get waiting(): number {
    return this.#clients.reduce((sum, client) => sum + client.waiting, 0);
  }

  /** @throws EcomapError HOST_CRASHED when one of the hosts dies meanwhile, CANCELLED when nobody wants the answer any more */
  async run(requests: readonly NamedTensors[], _expectedMs: number | null, way: RunWay): Promise<HostRun> {
    const passage: Passage = { towards: 1 };
    this.#count(passage, 1);
    try {
      return await this.#through(requests, (stage, compute) =>
        stage === 0 ? this.#enter(compute, way) : this.#queueFor(stage, compute, way, passage),
      );
    } finally {
      this.#advance(passage, this.stages.length);
    }
  }

  /** Waits for what is under way, then frees the stages. Call it once nothing new comes. */
  async retire(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onDrained.push(resolve));
    this.#clients.forEach((client, index) => this.options.places[index + 1]?.dispatcher.detach(client));
    this.#slots.close();
    await Promise.all(this.stages.map((stage) => stage.retire()));
  }

  /** What waits for a stage ends with this error: its component will not compute (again). Absent: all stages. */
  abandon(error: EcomapError, component?: string): void {
    this.#clients.forEach((client, index) => {
      if (component === undefined || this.#stageComponents[index + 1] === component) client.refuseAll(error);
    });
  }

  #attach(): void {
    this.#clients.forEach((client, index) => this.options.places[index + 1]?.dispatcher.attach(client));
  }

  /** One inference through all stages, without waiting for anybody's turn. */
  async #prove(tenant: Tenant, stageAt?: StageAt): Promise<void> {
    const canary = await this.#through([canaryInputs(this.inputs)], (_stage, compute) => compute(), stageAt);
    for (const { outputs } of canary.results) decodeOutputs(outputs, tenant.output);
  }

  #hasRoomAfter(stage: number): boolean {
    return stage === this.stages.length - 1 || (this.#ahead[stage + 1] ?? 0) < mostAhead;
  }

  /** @param turn computes a stage when it is its turn */
  async #through(
    requests: readonly NamedTensors[],
    turn: (stage: number, compute: () => Promise<RunAnswer>) => Promise<RunAnswer>,
    stageAt: StageAt = (stage) => this.stages[stage],
  ): Promise<HostRun> {
    this.#underWay += 1;
    const slot = this.#slots.take();
    try {
      const flow = new StageFlow(await slot.write(requests));
      const answers: RunAnswer[] = [];
      for (const stage of this.stages.keys()) {
        const answer = await turn(stage, () => this.#compute(stage, stageAt(stage), flow, slot, requests));
        flow.add(answer);
        answers.push(answer);
      }
      return this.#runOf(answers, await this.#outputsOf(flow, slot, requests));
    } finally {
      this.#slots.give(slot);
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#onDrained.splice(0)) resolve();
    }
  }

  async #compute(
    index: number,
    stage: StageDeployment | undefined,
    flow: StageFlow,
    slot: RequestSlot,
    requests: readonly NamedTensors[],
  ): Promise<RunAnswer> {
    if (stage === undefined) throw new EcomapError('INTERNAL_ERROR', `There is no stage ${index}.`);
    const rows = this.batches ? requests.reduce((sum, request) => sum + rowsOf(request), 0) : 1;
    const answer = await stage.compute({
      requests: flow.inputsFor(stage.inputs),
      slot: slot.paths,
      outputFrom: flow.end,
      handOver: index < this.stages.length - 1,
      expectedMs: stage.times.meanMs(rows),
      refuseNonFinite: this.options.tenant.nonFiniteInput === 'refuse',
    });
    stage.times.record(busyMsOf(answer), this.options.clock.nowMs(), rows);
    return answer;
  }

  /** The first stage: its turn has come already. */
  async #enter(compute: () => Promise<RunAnswer>, { onFree }: RunWay): Promise<RunAnswer> {
    const answer = await compute();
    onFree(busyMsOf(answer));
    return answer;
  }

  /** The run now begins the stage before this one, or has ended: what came before may go on. */
  #advance(passage: Passage, towards: number): void {
    const from = passage.towards;
    if (from === towards) return;
    this.#count(passage, -1);
    passage.towards = towards;
    this.#count(passage, 1);
    this.options.places[from - 1]?.dispatcher.pump();
  }

  #count({ towards }: Passage, by: number): void {
    if (towards < this.stages.length) this.#ahead[towards] = (this.#ahead[towards] ?? 0) + by;
  }

  #queueFor(
    stage: number,
    compute: () => Promise<RunAnswer>,
    { urgency, isWanted }: RunWay,
    passage: Passage,
  ): Promise<RunAnswer> {
    return new Promise<RunAnswer>((resolve, reject) => {
      const { clock, places } = this.options;
      this.#clients[stage - 1]?.put({
        ...{ priority: urgency.priority, arrivedMs: urgency.arrivedMs, deadlineMs: urgency.deadlineMs },
        start: () => {
          if (!isWanted()) {
            reject(new EcomapError('CANCELLED', 'Nobody waits for the answer any more.'));
            return null;
          }
          this.#advance(passage, stage + 1);
          const startedMs = clock.nowMs();
          const answer = compute();
          answer.then(resolve, reject);
          return answer.then(busyMsOf, () => clock.nowMs() - startedMs);
        },
        refuse: reject,
      });
      places[stage]?.dispatcher.pump();
    });
  }

  async #outputsOf(
    flow: StageFlow,
    slot: RequestSlot,
    requests: readonly NamedTensors[],
  ): Promise<readonly NamedTensors[]> {
    const names = this.#whole.outputs.map(({ name }) => name);
    const results: NamedTensors[] = [];
    for (const [index, request] of requests.entries()) {
      // An output of the model that is one of its inputs is where it was.
      const computed = names.filter((name) => request[name] === undefined);
      const read = await slot.read(flow.inputsFor(computed)[index] ?? []);
      results.push(
        Object.fromEntries(
          names.flatMap((name) => {
            const tensor = read[name] ?? request[name];
            return tensor === undefined ? [] : [[name, tensor]];
          }),
        ),
      );
    }
    return results;
  }

  #runOf(answers: readonly RunAnswer[], outputs: readonly NamedTensors[]): HostRun {
    const sum = (of: (answer: RunAnswer) => number) => answers.reduce((total, answer) => total + of(answer), 0);
    const parts = answers.map(({ cpuMs }, index): StagePart => ({
      component: this.#stageComponents[index] ?? '',
      cpuMs,
    }));
    return {
      results: outputs.map((tensors, index) => ({
        outputs: tensors,
        nonFiniteInput: answers.some(({ results }) => results[index]?.nonFiniteInput === true),
      })),
      runMs: sum(({ runMs }) => runMs),
      decodeMs: sum(({ decodeMs }) => decodeMs),
      cpuMs: sum(({ cpuMs }) => cpuMs),
      parts,
    };
  }
}

/** Which deployment computes a stage. */
type StageAt = (stage: number) => StageDeployment | undefined;

function rangeOf(places: readonly StagePlace[], index: number, cacheDirectory: string | null): StageRange {
  return { firstNode: places[index]?.firstNode ?? 0, endNode: places[index + 1]?.firstNode ?? null, cacheDirectory };
}

function busyMsOf({ decodeMs, runMs }: RunAnswer): number {
  return decodeMs + runMs;
}

function rowsOf(request: NamedTensors): number {
  for (const name in request) return request[name]?.dims[0] ?? 1;
  return 1;
}
