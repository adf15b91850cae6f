import type { HostProcess } from './host-process';
import { setProcessPriority } from './process-priority';

/** Nice value of a process that loads while another one serves on the same cores: it gets a quarter of the time. */
const loadingNice = 5;

/** What the processes of one place take of the cores that they share with another place, and with each other. */
export class CoreShare {
  #nice = 0;
  #portion = 1;

  /** @param mayRaise whether a lowered priority can be raised again */
  constructor(private readonly mayRaise: boolean) {}

  /** For a process that has not been started yet. */
  open(host: HostProcess): void {
    void host.takePortion(this.#portion);
  }

  /**
   * Lets the other place go first (a higher nice value), and takes only a portion of the pace where the component is slowed down.
   * @param hosts all processes, `current` is the one that serves
   */
  async change(nice: number, portion: number, hosts: readonly HostProcess[], current: HostProcess): Promise<void> {
    const mayChange = nice > this.#nice || this.mayRaise;
    this.#portion = portion;
    await Promise.all(hosts.map((host) => host.takePortion(portion)));
    if (!mayChange || nice === this.#nice) return;
    this.#nice = nice;
    if (current.pid !== null) await setProcessPriority(current.pid, nice);
  }

  /** The process that serves has started (again): it began with the priority of its parent. */
  restore({ pid }: HostProcess): void {
    if (pid !== null && this.#nice > 0) void setProcessPriority(pid, this.#nice);
  }

  /** The process loads beside the one that serves. */
  async lower({ pid }: HostProcess): Promise<void> {
    if (this.mayRaise && pid !== null) await setProcessPriority(pid, loadingNice);
  }

  /** The process has loaded and is about to serve. False where its priority could not be raised again. */
  async giveInFull(pid: number): Promise<boolean> {
    if (this.mayRaise) return setProcessPriority(pid, this.#nice);
    if (this.#nice > 0) await setProcessPriority(pid, this.#nice);
    return true;
  }
}
