import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import { anchorLatencyMs } from './anchor';
import { frameAnswers } from './answer-frames';
import { describeFile } from './describing';
import { ModelSession } from './model-session';
import { listOperators, timeOperators } from './operators/profile-operators';
import { probeProvider } from './probing';
import { ProfiledModel } from './profiled-model';
import type { HostAnswer, HostAnswers, HostCommand, HostMessage, HostSettings } from './protocol';
import { RequestInputs } from './request-inputs';
import { SlotFiles } from './slot-files';
import { MemoryStressor } from './stressing';
import { hostUsage } from './usage';

/** What is carried out one after the other. */
type WorkCommand = Exclude<HostCommand, { kind: 'pace' }>;

/**
 * The child's side of the conversation: commands are carried out one after the other, in the order they came, except a
 * change of pace, which takes effect at once.
 */
export class InferenceHost {
  private readonly sessions = new Map<number, ModelSession>();
  private readonly slots: SlotFiles;
  private readonly inputs: RequestInputs;
  /** Commands that wait for the one under way. */
  private readonly waiting: WorkCommand[] = [];
  private working = false;
  private share = 1;
  /** Not before this time does the next run start: how the pace is kept. */
  private restUntilMs = 0;
  private wake: (() => void) | null = null;
  private profiled: ProfiledModel | null = null;
  private stressor: MemoryStressor | null = null;

  constructor(
    private readonly settings: HostSettings,
    private readonly reply: (message: HostMessage) => void,
  ) {
    this.inputs = new RequestInputs(settings.threads);
    this.slots = new SlotFiles(settings.slotDirectory);
  }

  start(): void {
    this.reply({ kind: 'ready', usage: hostUsage() });
  }

  receive(command: HostCommand): void {
    if (command.kind === 'pace') {
      this.setPace(command.share);
      this.reply(answerOf('pace', command.id, { share: this.share }));
      return;
    }
    this.waiting.push(command);
    if (!this.working) void this.work();
  }

  /** Begins at once, without a pause before the first command. */
  private async work(): Promise<void> {
    this.working = true;
    for (let command = this.waiting.shift(); command !== undefined; command = this.waiting.shift()) {
      try {
        this.reply(await this.carryOut(command));
      } catch (error) {
        const code = isEcomapError(error) ? error.code : 'INTERNAL_ERROR';
        this.reply({ kind: 'failure', id: command.id, code, message: messageOf(error), usage: hostUsage() });
      }
    }
    this.working = false;
  }

  private async carryOut(command: WorkCommand): Promise<HostMessage> {
    const { id } = command;
    switch (command.kind) {
      case 'load': {
        await this.unload(command.model);
        const session = await ModelSession.load(command.path, command.sha256, this.settings, command.stage);
        this.sessions.set(command.model, session);
        const { signature, sha256, loadMs, memoryBytes, whole } = session;
        return answerOf('load', id, { signature, sha256, loadMs, memoryBytes, whole });
      }
      case 'unload':
        await this.unload(command.model);
        return answerOf('unload', id, null);
      case 'run':
        return answerOf('run', id, await this.run(command));
      case 'profile':
        await this.profiled?.release();
        this.profiled = await ProfiledModel.load(command, this.settings);
        return answerOf('profile', id, await this.profiled.profile());
      case 'rerun':
        if (this.profiled === null) throw new EcomapError('INTERNAL_ERROR', 'No model was profiled in this host.');
        return answerOf('rerun', id, await this.profiled.rerun(command));
      case 'anchor':
        return answerOf('anchor', id, { latencyMs: await anchorLatencyMs(this.settings) });
      case 'stress':
        return answerOf('stress', id, (this.stressor ??= new MemoryStressor()).stress(command.durationMs));
      case 'probe':
        return answerOf('probe', id, await probeProvider(this.settings));
      case 'describe':
        return answerOf('describe', id, await describeFile(command.path, command.sha256, command.dims));
      case 'list-operators':
        return answerOf('list-operators', id, await listOperators(command, this.settings));
      case 'time-operators':
        return answerOf('time-operators', id, await timeOperators(command, this.settings, command.measureMs));
    }
  }

  private async unload(model: number): Promise<void> {
    const session = this.sessions.get(model);
    this.sessions.delete(model);
    await session?.release();
  }

  private async run(command: Extract<HostCommand, { kind: 'run' }>): Promise<HostAnswers['run']> {
    const { model, requests, refuseNonFinite } = command;
    const session = this.sessions.get(model);
    if (session === undefined)
      throw new EcomapError('INTERNAL_ERROR', `The model ${model} is not loaded in this host.`);
    const slots = this.slots.of(command.slot);
    const { joined, rows, nonFinite, decodeMs, decodeCpuMs } = await this.inputs.read(requests, slots, refuseNonFinite);
    await this.rest();
    const { outputs, runMs, cpuMs } = await session.run(joined);
    this.restUntilMs = performance.now() + (decodeMs + runMs) * (1 / this.share - 1);
    const answers = await frameAnswers(outputs, rows, slots.output, command);
    const results = answers.map((frames, index) => ({ outputs: frames, nonFiniteInput: nonFinite[index] === true }));
    return { results, runMs, cpuMs: cpuMs + decodeCpuMs, decodeMs };
  }

  private setPace(share: number): void {
    this.share = Math.min(1, Math.max(0.01, share));
    if (this.share === 1) this.restUntilMs = 0;
    this.wake?.();
  }

  /** Waits out the pause that the pace asks for; a new pace ends it early. */
  private async rest(): Promise<void> {
    const pauseMs = this.restUntilMs - performance.now();
    if (pauseMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = null;
  }
}

function answerOf<Kind extends HostCommand['kind']>(of: Kind, id: number, value: HostAnswers[Kind]): HostAnswer<Kind> {
  return { kind: 'answer', of, id, value, usage: hostUsage() };
}
