import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import { SlotFile } from '../shared-memory/slot-file';
import { frameAnswers } from './answer-frames';
import { describeFile } from './describing';
import { ModelSession } from './model-session';
import { probeProvider } from './probing';
import { profileSession } from './profiling';
import type { HostAnswers, HostCommand, HostMessage, HostSettings } from './protocol';
import { RequestInputs } from './request-inputs';
import { hostUsage } from './usage';

/** Slot files that stay open: more than are ever under way at once. */
const mostOpenSlots = 16;

/**
 * The child's side of the conversation: commands are carried out one after the other, in the order they came, except a
 * change of pace, which takes effect at once.
 */
export class InferenceHost {
  private readonly sessions = new Map<string, ModelSession>();
  private readonly slots = new Map<string, SlotFile>();
  private readonly inputs: RequestInputs;
  private tail: Promise<void> = Promise.resolve();
  private share = 1;
  /** Not before this time does the next run start: how the pace is kept. */
  private restUntilMs = 0;
  private wake: (() => void) | null = null;

  constructor(
    private readonly settings: HostSettings,
    private readonly reply: (message: HostMessage) => void,
  ) {
    this.inputs = new RequestInputs(settings.threads);
  }

  start(): void {
    this.reply({ kind: 'ready', usage: hostUsage() });
  }

  receive(command: HostCommand): void {
    if (command.kind === 'pace') {
      this.setPace(command.share);
      this.answer(command.id, { share: this.share });
      return;
    }
    this.tail = this.tail.then(async () => {
      try {
        this.answer(command.id, await this.carryOut(command));
      } catch (error) {
        const code = isEcomapError(error) ? error.code : 'INTERNAL_ERROR';
        this.reply({ kind: 'failure', id: command.id, code, message: messageOf(error), usage: hostUsage() });
      }
    });
  }

  private answer(id: number, value: HostAnswers[HostCommand['kind']]): void {
    this.reply({ kind: 'answer', id, value, usage: hostUsage() });
  }

  private async carryOut(command: Exclude<HostCommand, { kind: 'pace' }>): Promise<HostAnswers[HostCommand['kind']]> {
    switch (command.kind) {
      case 'load': {
        await this.unload(command.key);
        const session = await ModelSession.load(command.path, command.sha256, this.settings, command.stage);
        this.sessions.set(command.key, session);
        const { signature, sha256, loadMs, memoryBytes, whole } = session;
        return { signature, sha256, loadMs, memoryBytes, whole };
      }
      case 'unload':
        await this.unload(command.key);
        return null;
      case 'run':
        return this.run(command);
      case 'profile': {
        const session = await ModelSession.load(command.path, command.sha256, this.settings);
        return profileSession(session, command.dims);
      }
      case 'probe':
        return probeProvider(this.settings);
      case 'describe':
        return describeFile(command.path, command.sha256, command.dims);
    }
  }

  private async unload(key: string): Promise<void> {
    const session = this.sessions.get(key);
    this.sessions.delete(key);
    await session?.release();
  }

  private async run(command: Extract<HostCommand, { kind: 'run' }>): Promise<HostAnswers['run']> {
    const { key, requests, slot, refuseNonFinite } = command;
    const session = this.sessions.get(key);
    if (session === undefined) throw new EcomapError('INTERNAL_ERROR', `The model ${key} is not loaded in this host.`);
    const { joined, rows, nonFinite, ...decoding } = await this.inputs.read(
      requests,
      { input: this.slot(slot.input), output: this.slot(slot.output) },
      refuseNonFinite,
    );
    const { decodeMs, decodeCpuMs } = decoding;
    await this.rest();
    const { outputs, runMs, cpuMs } = await session.run(joined);
    this.restUntilMs = performance.now() + (decodeMs + runMs) * (1 / this.share - 1);
    const answers = await frameAnswers(outputs, rows, this.slot(slot.output), command);
    const results = answers.map((frames, index) => ({ outputs: frames, nonFiniteInput: nonFinite[index] === true }));
    return { results, runMs, cpuMs: cpuMs + decodeCpuMs, decodeMs };
  }

  /** Everything blocks in here anyway: a run is synchronous, and nobody else uses this process. */
  private slot(path: string): SlotFile {
    const file = this.slots.get(path) ?? new SlotFile(path, true);
    // The one used last goes to the end. An open file keeps its memory although its owner has removed it.
    this.slots.delete(path);
    this.slots.set(path, file);
    for (const [unused, old] of this.slots) {
      if (this.slots.size <= mostOpenSlots) break;
      old.close();
      this.slots.delete(unused);
    }
    return file;
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
