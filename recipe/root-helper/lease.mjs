// One holder at a time. It has to give a sign of life within the time to live; when it does not, or says that it is done, what was
// there before its first change is put back, where the value is still ours. What was there is on disk before the first write.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Refusal } from './settings.mjs';

/** Least time between two changes of one setting, ms. */
const leastIntervalMs = { nvpmodel: 5_000, other: 200 };

export class Lease {
  #settingOf;
  #statePath;
  #ttlMs;
  #token = null;
  #owner = '';
  #timer = null;
  #saved = new Map();
  #changedAt = new Map();
  #queue = Promise.resolve();

  constructor({ settingOf, statePath, ttlMs }) {
    this.#settingOf = settingOf;
    this.#statePath = statePath;
    this.#ttlMs = ttlMs;
  }

  get ttlMs() {
    return this.#ttlMs;
  }

  /** Work on the machine is done one after the other. */
  inTurn(work) {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** @param token of an earlier connection that goes on, or null */
  open(token, owner) {
    if (this.#token !== null && token !== this.#token) {
      throw new Refusal('busy', `the helper works for ${this.#owner}: stop that first`);
    }
    this.#token ??= randomUUID();
    this.#owner = owner;
    this.renew(this.#token);
    return this.#token;
  }

  renew(token) {
    if (token === null || token !== this.#token) throw new Refusal('no-lease', 'the lease is over: say hello again');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.inTurn(() => this.end()), this.#ttlMs);
  }

  /** What was there before is always allowed. */
  mayReturn(key, value) {
    return this.#saved.get(key)?.before === value;
  }

  async set(key, value) {
    const setting = this.#settingOf(key);
    const found = await setting.read();
    const saved = this.#saved.get(key);
    const isOurs = saved !== undefined && saved.ours.some((ours) => setting.same(ours, found));
    const before = isOurs ? saved.before : found;
    // Back to what was there is always allowed, at once and whatever the tables say.
    if (value !== before) {
      await setting.check(value, before);
      const sinceMs = performance.now() - (this.#changedAt.get(key) ?? -Infinity);
      if (sinceMs < (leastIntervalMs[key] ?? leastIntervalMs.other)) {
        throw new Refusal('refused', `${key} was changed a moment ago`);
      }
    }
    // Until it is read back, either may be in force: a write can fail, and this process can be killed.
    this.#saved.set(key, { before, ours: [found, value] });
    await this.#save();
    this.#changedAt.set(key, performance.now());
    const outcome = await setting.write(value);
    const inForce = await setting.read();
    this.#saved.set(key, { before, ours: [inForce] });
    await this.#save();
    return { before, inForce, exitCode: outcome?.exitCode ?? 0, text: outcome?.text ?? '' };
  }

  /** Puts back what was there before; what fails stays on disk for the next try. */
  async end() {
    clearTimeout(this.#timer);
    this.#token = null;
    this.#changedAt.clear();
    const result = { restored: [], leftToOthers: [], failed: [] };
    for (const [key, { before, ours }] of [...this.#saved].reverse()) {
      try {
        const setting = this.#settingOf(key);
        const found = await setting.read();
        if (setting.same(before, found)) result.restored.push(key);
        else if (!ours.some((own) => setting.same(own, found))) result.leftToOthers.push(key);
        else {
          await setting.write(before);
          const inForce = await setting.read();
          if (!setting.same(before, inForce)) throw new Error(`wrote ${before}, read back ${inForce}`);
          result.restored.push(key);
        }
        this.#saved.delete(key);
      } catch (error) {
        result.failed.push({ key, problem: error.message });
      }
    }
    await this.#save();
    return result;
  }

  /** Takes over what an earlier helper has left. A file that cannot be understood is kept aside. */
  async load() {
    try {
      const saved = JSON.parse(await readFile(this.#statePath, 'utf8'));
      for (const [key, { before, ours }] of Object.entries(saved))
        this.#saved.set(key, { before, ours: [ours].flat() });
    } catch (error) {
      if (error.code !== 'ENOENT') {
        console.error(`${this.#statePath} cannot be used (${error.message}); it is kept aside`);
        await rename(this.#statePath, `${this.#statePath}.unusable`).catch(() => undefined);
      }
    }
  }

  async #save() {
    if (this.#saved.size === 0) return rm(this.#statePath, { force: true });
    await mkdir(dirname(this.#statePath), { recursive: true });
    const temporary = `${this.#statePath}.new`;
    await writeFile(temporary, JSON.stringify(Object.fromEntries(this.#saved)), { mode: 0o600 });
    await rename(temporary, this.#statePath);
  }
}
