import { EcomapError } from '../../signals/errors';
import type { Tenant, Variant } from '../../signals/tenant';
import { decodeOutputs } from '../tensors/answers';
import { canaryInputs } from '../tensors/canary';
import type { Clock } from '../clock';
import { expectedInputs } from '../tensors/expected-inputs';
import type { RunAnswer, StageRange } from '../host/protocol';
import { HostLostError } from '../hosting/host-lost-error';
import type { Quarantine } from '../hosting/quarantine';
import type { HostRun } from '../hosting/host-run';
import type { Dispatcher } from '../serving/dispatcher';
import { RunTimes } from '../serving/run-times';
import type { LoadedVariant, RunWay } from '../serving/variant-server';
import { RequestSlots, type RequestSlot } from '../shared-memory/request-slots';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import type { ModelSignature, NamedTensors, TensorSpec } from '../tensors/tensors';
import { UnderWay } from '../under-way';
import { busyMsOf, StageDeployment, type StageHost } from './stage-deployment';
import { StageFlow } from './stage-flow';
import { StageQueues } from './stage-queues';
import { readOutputs, wholeRunOf } from './whole-run';

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
  readonly cacheDirectory: string | null;
  readonly clock: Clock;
  /** The tenant's inputs that have ended a host; absent lets every input run. */
  readonly quarantine?: Quarantine;
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
  readonly #outputNames: readonly string[];
  readonly #stageComponents: readonly string[];
  readonly #slots: RequestSlots;
  readonly #queues: StageQueues;
  readonly #underWay = new UnderWay();

  private constructor(
    private readonly options: PipelineOptions,
    private readonly stages: StageDeployment[],
    whole: ModelSignature,
  ) {
    const { tenant, variant, slots } = options;
    this.variant = variant;
    this.#stageComponents = stages.map(({ component }) => component);
    this.component = this.#stageComponents[0] ?? '';
    this.#outputNames = whole.outputs.map(({ name }) => name);
    this.inputs = expectedInputs(tenant.input, whole);
    // Between stages, too, a run of several requests is several pieces.
    this.batches = stages.every(({ answer: { signature } }) =>
      [...signature.inputs, ...signature.outputs].every(({ dims }) => typeof dims[0] === 'string'),
    );
    this.#slots = new RequestSlots(slots);
    this.#queues = new StageQueues({
      tenant,
      dispatchers: options.places.map(({ dispatcher }) => dispatcher),
      expectedMs: (stage) => this.meanMs(stage),
      leastMsFrom: (stage) => this.#leastMsFrom(stage),
      clock: options.clock,
    });
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
      pipeline.#queues.attach();
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
   * Loads a stage into another host of its component and, where all stages can be computed, proves it by an inference through
   * all of them, beside what runs.
   * @throws EcomapError as {@link prepare}
   */
  async placeStage(stage: number, host: StageHost, prove: boolean): Promise<StageDeployment> {
    const { variant, places, cacheDirectory, tenant } = this.options;
    const range = rangeOf(places, stage, cacheDirectory);
    const placed = await StageDeployment.load(host, variant, range, this.stages[stage]?.times);
    try {
      if (prove) await this.#prove(tenant, (index) => (index === stage ? placed : this.stages[index]));
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

  /** Whether another run may begin now. */
  get accepts(): boolean {
    return this.#queues.accepts;
  }

  /** Runs that wait for a later stage. */
  get waiting(): number {
    return this.#queues.waiting;
  }

  /**
   * @throws EcomapError HOST_CRASHED when one of the hosts dies meanwhile, INPUT_QUARANTINED for inputs that have ended a host
   * before, CANCELLED or DEADLINE_EXCEEDED when the answer is of no use any more
   */
  async run(requests: readonly NamedTensors[], _expectedMs: number | null, way: RunWay): Promise<HostRun> {
    const { quarantine } = this.options;
    const suspects = quarantine?.examine(requests) ?? [];
    try {
      const run = await this.#run(requests, way);
      quarantine?.acquit(suspects);
      return run;
    } catch (error) {
      if (error instanceof HostLostError && error.wasRunning) quarantine?.blame(requests);
      throw error;
    }
  }

  async #run(requests: readonly NamedTensors[], way: RunWay): Promise<HostRun> {
    const passage = this.#queues.begin();
    try {
      return await this.#through(requests, (stage, compute) =>
        stage === 0 ? this.#enter(compute, way) : this.#queues.turn(stage, compute, way, passage),
      );
    } finally {
      this.#queues.end(passage);
    }
  }

  /** Waits for what is under way, then frees the stages. Call it once nothing new comes. */
  async retire(): Promise<void> {
    await this.#underWay.drained();
    this.#queues.detach();
    this.#slots.close();
    await Promise.all(this.stages.map((stage) => stage.retire()));
  }

  /** What waits for a stage, or comes to wait for one, ends with this error: a component does not compute (again). */
  abandon(error: EcomapError): void {
    this.#queues.abandon(error);
  }

  /** All components compute again. */
  resume(): void {
    this.#queues.resume();
  }

  /** The mean of a stage, ms; null before its first run. */
  meanMs(stage: number): number | null {
    return this.stages[stage]?.times.meanMs() ?? null;
  }

  /** One inference through all stages, without waiting for anybody's turn. */
  async #prove(tenant: Tenant, stageAt?: StageAt): Promise<void> {
    const canary = await this.#through([canaryInputs(this.inputs)], (_stage, compute) => compute(), stageAt);
    for (const { outputs } of canary.results) decodeOutputs(outputs, tenant.output);
  }

  #leastMsFrom(stage: number): number {
    const nowMs = this.options.clock.nowMs();
    return this.stages.slice(stage).reduce((sum, { times }) => sum + (times.fastestMs(nowMs) ?? 0), 0);
  }

  /** @param turn computes a stage when it is its turn */
  #through(
    requests: readonly NamedTensors[],
    turn: (stage: number, compute: () => Promise<RunAnswer>) => Promise<RunAnswer>,
    stageAt: StageAt = (stage) => this.stages[stage],
  ): Promise<HostRun> {
    return this.#underWay.during(async () => {
      const slot = this.#slots.take();
      try {
        const flow = new StageFlow(await slot.write(requests));
        const answers: RunAnswer[] = [];
        for (const stage of this.stages.keys()) {
          const answer = await turn(stage, () => this.#compute(stage, stageAt(stage), flow, slot, requests));
          flow.add(answer);
          answers.push(answer);
        }
        const outputs = await readOutputs(this.#outputNames, flow, slot, requests);
        return wholeRunOf(answers, this.#stageComponents, outputs);
      } finally {
        this.#slots.give(slot);
      }
    });
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
      slot: slot.number,
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
}

/** Which deployment computes a stage. */
type StageAt = (stage: number) => StageDeployment | undefined;

function rangeOf(places: readonly StagePlace[], index: number, cacheDirectory: string | null): StageRange {
  return { firstNode: places[index]?.firstNode ?? 0, endNode: places[index + 1]?.firstNode ?? null, cacheDirectory };
}

function rowsOf(request: NamedTensors): number {
  for (const name in request) return request[name]?.dims[0] ?? 1;
  return 1;
}
