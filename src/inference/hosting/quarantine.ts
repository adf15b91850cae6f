import { createHash } from 'node:crypto';
import { EcomapError } from '../../signals/errors';
import { bytesOf, isTexts, type NamedTensors } from '../tensors/tensors';

/** An input that has ended so many hosts, without an answer in between, is not tried again. */
const mostDeaths = 2;
const mostSuspects = 64;

interface Suspect {
  readonly glimpse: string;
  deaths: number;
}

/**
 * Remembers which inputs of one tenant were being computed when their host died or hung. After two deaths an input is refused;
 * one that is answered is beyond suspicion again, so that a host that somebody else ends brings no input into disrepute. Inputs
 * are told apart by their SHA-256, which is only computed of those that look like a suspect at a glance: else it costs nothing.
 */
export class Quarantine {
  /** By hash, the one that was blamed longest ago first. */
  readonly #suspects = new Map<string, Suspect>();

  constructor(private readonly tenant: string) {}

  /** Inputs that are refused. */
  get size(): number {
    return [...this.#suspects.values()].filter(({ deaths }) => deaths >= mostDeaths).length;
  }

  /**
   * Call it before a run. A batch with a suspect in it is refused, too: its requests have to be run one by one, so that it shows
   * which of them is to blame.
   * @returns the hashes of the suspects among the inputs
   * @throws EcomapError INPUT_QUARANTINED
   */
  examine(requests: readonly NamedTensors[]): string[] {
    if (this.#suspects.size === 0) return [];
    const glimpses = new Set([...this.#suspects.values()].map(({ glimpse }) => glimpse));
    const found: string[] = [];
    for (const request of requests) {
      if (!glimpses.has(glimpseOf(request))) continue;
      const hash = hashOf(request);
      const suspect = this.#suspects.get(hash);
      if (suspect === undefined) continue;
      found.push(hash);
      if (requests.length > 1) {
        throw new EcomapError(
          'INPUT_QUARANTINED',
          `A batch of "${this.tenant}" has an input that ended a host before.`,
        );
      }
      if (suspect.deaths < mostDeaths) continue;
      throw new EcomapError(
        'INPUT_QUARANTINED',
        `This input of "${this.tenant}" ended its inference host ${suspect.deaths} times and is not tried again ` +
          `(SHA-256 ${hash.slice(0, 16)}): look at the data, or try another variant after deploying the flow again.`,
      );
    }
    return found;
  }

  /** The host died or hung while it computed these together. */
  blame(requests: readonly NamedTensors[]): void {
    for (const request of requests) {
      const hash = hashOf(request);
      const suspect = this.#suspects.get(hash) ?? { glimpse: glimpseOf(request), deaths: 0 };
      suspect.deaths += 1;
      this.#suspects.delete(hash);
      this.#suspects.set(hash, suspect);
    }
    for (const hash of this.#suspects.keys()) {
      if (this.#suspects.size <= mostSuspects) return;
      this.#suspects.delete(hash);
    }
  }

  /** They have been answered. */
  acquit(hashes: readonly string[]): void {
    for (const hash of hashes) this.#suspects.delete(hash);
  }
}

/** Elements of each tensor that a glance takes in. */
const glanced = 64;

/** The same for equal inputs, and for few others: the length of every tensor, and some elements from all over it. */
function glimpseOf(request: NamedTensors): string {
  const parts = Object.entries(request).map(([name, { data }]) => {
    const step = Math.max(1, Math.floor(data.length / glanced));
    const seen: unknown[] = [name, data.length];
    for (let index = 0; index < data.length; index += step) seen.push(String(data[index]).slice(0, 32));
    return JSON.stringify(seen);
  });
  return parts.sort().join();
}

function hashOf(request: NamedTensors): string {
  const hash = createHash('sha256');
  for (const [name, { type, dims, data }] of Object.entries(request).sort(([one], [other]) => (one < other ? -1 : 1))) {
    hash.update(JSON.stringify([name, type, dims]));
    hash.update(isTexts(data) ? JSON.stringify(data) : bytesOf(data));
  }
  return hash.digest('hex');
}
