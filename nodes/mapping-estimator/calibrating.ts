import type { NodeContext, NodeMessage, NodeStatus } from '../../src/node-red/types';
import type { Calibrate, CalibrationStatus } from '../../src/signals/calibration';
import { EcomapError, errorCodes } from '../../src/signals/errors';
import { topicOf } from '../../src/signals/message';
import type { CalibrationOffer, CalibrationOffers } from '../shared/calibration-offers';
import { isUnderWay, roughly } from '../shared/calibration-progress';

export interface CalibratingOptions {
  readonly node: Pick<NodeContext<unknown>, 'status' | 'text' | 'send' | 'error' | 'after'>;
  readonly offers: CalibrationOffers;
  readonly offer: CalibrationOffer;
}

interface Waiting {
  resolve(): void;
  reject(error: EcomapError): void;
}

/** The output that tells how a calibration gets on. */
const output = 2;
const sendIntervalMs = 1000;

function failureOf({ code, text }: CalibrationStatus): EcomapError {
  return new EcomapError(errorCodes.find((known) => known === code) ?? 'INTERNAL_ERROR', text);
}

/**
 * The calibration of a device as a node shows it: at the device for the button, on the node as its status, and on the third
 * output at most once a second, with the outcome as the last. Whoever starts it, the node tells.
 */
export class Calibrating {
  readonly #withdraw: () => void;
  readonly #deafen: () => void;
  readonly #waiting = new Set<Waiting>();
  #planning: NodeStatus | null = null;
  #wasUnderWay = false;
  /** What started it: its other properties go with what is told. */
  #startedBy: NodeMessage | null = null;
  #latest: CalibrationStatus | null = null;
  #stopWaitingToSend: (() => void) | null = null;

  constructor(private readonly options: CalibratingOptions) {
    const { offers, offer } = options;
    this.#withdraw = offers.announce(offer);
    this.#deafen = offer.calibration.onChange((status) => this.#onChange(status));
  }

  /**
   * A start is answered when the calibration has ended, however it was started; a cancel at once.
   * @throws EcomapError of the calibration when it fails; INVALID_MESSAGE while another node calibrates the same device
   */
  async onMessage({ action, samples }: Calibrate, message: NodeMessage): Promise<void> {
    const { offers, offer } = this.options;
    if (action === 'cancel') return offer.calibration.cancel();
    const startedBefore = this.#startedBy;
    this.#startedBy = message;
    let waiting: Waiting | undefined;
    const ended = new Promise<void>((resolve, reject) => {
      waiting = { resolve, reject };
      this.#waiting.add(waiting);
    });
    try {
      offers.start(offer, samples);
    } catch (error) {
      if (waiting !== undefined) this.#waiting.delete(waiting);
      this.#startedBy = startedBefore;
      throw error;
    }
    return ended;
  }

  /** Shows what the node does otherwise; while a calibration runs, that comes first. */
  showPlanning(status: NodeStatus): void {
    this.#planning = status;
    if (!this.#wasUnderWay) this.options.node.status(status);
  }

  close(): void {
    this.#deafen();
    this.#withdraw();
    this.#stopWaitingToSend?.();
  }

  #onChange(status: CalibrationStatus): void {
    if (isUnderWay(status)) {
      this.#wasUnderWay = true;
      this.options.node.status(this.#statusOf(status));
      this.#latest = status;
      if (this.#stopWaitingToSend === null) this.#sendLatest();
      return;
    }
    // What an earlier run has left is found some time after the start, also after a message to start: nothing has ended then.
    const wasStopped = status.phase === 'cancelled' && this.#waiting.size > 0;
    const hasEnded = this.#wasUnderWay || wasStopped || status.phase === 'failed';
    if (hasEnded) this.#end(status);
  }

  #end(status: CalibrationStatus): void {
    const { node } = this.options;
    this.#wasUnderWay = false;
    this.#stopWaitingToSend?.();
    this.#stopWaitingToSend = null;
    this.#latest = null;
    this.#send(status);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#startedBy = null;
    if (status.phase === 'failed') {
      node.status({ fill: 'yellow', shape: 'ring', key: 'status.calibrationFailed' });
      const failure = failureOf(status);
      for (const { reject } of waiting) reject(failure);
      if (waiting.length === 0) node.error(failure, { topic: topicOf('calibration') });
      return;
    }
    node.status(this.#planning);
    for (const { resolve } of waiting) resolve();
  }

  #sendLatest(): void {
    const status = this.#latest;
    this.#latest = null;
    this.#stopWaitingToSend = null;
    if (status === null) return;
    this.#send(status);
    this.#stopWaitingToSend = this.options.node.after(sendIntervalMs, () => this.#sendLatest());
  }

  #send(status: CalibrationStatus): void {
    const outgoing: (NodeMessage | null)[] = [null, null, null];
    // The calibration keeps its status: who hears of it may change what was sent.
    outgoing[output] = { ...this.#startedBy, topic: topicOf('calibration'), payload: structuredClone(status) };
    this.options.node.send(outgoing);
  }

  #statusOf({ phase, done, total, secondsLeft }: CalibrationStatus): NodeStatus {
    const { node } = this.options;
    const time = secondsLeft === null ? null : roughly(secondsLeft);
    const left = time === null ? '' : `, ${node.text(`left.${time.unit}`, { count: time.count })}`;
    return { fill: 'blue', shape: 'ring', key: `status.calibration.${phase}`, values: { done, total, left } };
  }
}
