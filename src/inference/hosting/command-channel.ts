import { EcomapError, messageOf } from '../../signals/errors';
import type { HostAnswers, HostCommand, HostMessage } from '../host/protocol';
import { Watchdog } from './watchdog';

interface Pending {
  readonly kind: HostCommand['kind'];
  readonly limitMs: number;
  /** Takes an answer of its kind. */
  resolve(value: HostAnswers[HostCommand['kind']]): void;
  reject(error: EcomapError): void;
}

/** Commands without the number that the channel gives them. */
export type Order<Kind extends HostCommand['kind']> = Omit<Extract<HostCommand, { kind: Kind }>, 'id'>;

/** The answer to a command, or its refusal. */
export type HostReply = Exclude<HostMessage, { kind: 'ready' }>;

/**
 * Commands to an inference host and their answers, with a watchdog. The host works on one command at a time, so the watch is on
 * the oldest that is unanswered.
 */
export class CommandChannel {
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  readonly #watchdog: Watchdog;

  /** @param onSilence called when nothing came for the time that was allowed */
  constructor(onSilence: (limitMs: number) => void) {
    this.#watchdog = new Watchdog(onSilence);
  }

  get unanswered(): number {
    return this.#pending.size;
  }

  /**
   * Sends a command. Rejects with the host's error, or with what `rejectAll` says.
   * @param send hands it to a connected process; throws when there is something in it that cannot be sent
   */
  order<Kind extends HostCommand['kind']>(
    order: Order<Kind> & { kind: Kind },
    limitMs: number,
    send: (command: HostCommand) => void,
  ): Promise<HostAnswers[Kind]> {
    const id = this.#nextId++;
    return new Promise<HostAnswers[Kind]>((resolve, reject) => {
      this.#pending.set(id, {
        kind: order.kind,
        limitMs,
        // `onReply` compares the kinds.
        resolve: (value) => resolve(value as HostAnswers[Kind]),
        reject,
      });
      if (this.#pending.size === 1) this.#watchNext();
      try {
        send({ ...order, id } as unknown as HostCommand);
      } catch (error) {
        // Left among the pending, it would have the process ended for silence.
        this.#pending.delete(id);
        this.#watchNext();
        reject(new EcomapError('INTERNAL_ERROR', `The command cannot be sent: ${messageOf(error)}`, { cause: error }));
      }
    });
  }

  onReply(message: HostReply): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    this.#watchNext();
    if (message.kind === 'failure') pending?.reject(new EcomapError(message.code, message.message));
    else if (message.of === pending?.kind) pending.resolve(message.value);
    else pending?.reject(new EcomapError('INTERNAL_ERROR', `A ${pending.kind} was answered as a ${message.of}.`));
  }

  /** @param ofRun the error of the run that the host was working on; the others get `error` */
  rejectAll(error: EcomapError, ofRun = error): void {
    this.stopWatch();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    // A change of pace takes effect beside the work; of everything else the oldest is the one under way.
    const underWay = pending.find(({ kind }) => kind !== 'pace');
    for (const item of pending) item.reject(item === underWay && item.kind === 'run' ? ofRun : error);
  }

  /** Something has to come within this time. */
  watch(limitMs: number): void {
    this.#watchdog.expect(limitMs);
  }

  stopWatch(): void {
    this.#watchdog.stop();
  }

  #watchNext(): void {
    const oldest = this.#pending.values().next().value;
    if (oldest === undefined) this.#watchdog.relax();
    else this.#watchdog.expect(oldest.limitMs);
  }
}
