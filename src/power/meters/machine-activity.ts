import type { MachineFiles, OpenedFile } from '../machine/files';

const path = '/proc/stat';
/** The unit of /proc/stat: USER_HZ is 100 on every Linux that Node.js runs on. */
const ticksPerSecond = 100;
const intervalMs = 1000;

/** Seconds of CPU time that all processors together have worked since the start; null for a text that is not /proc/stat. */
export function parseBusySeconds(text: string): number | null {
  const match = /^cpu +(\d+) (\d+) (\d+) \d+ \d+ (\d+) (\d+)/.exec(text);
  if (match === null) return null;
  // user + nice + system + irq + softirq: not idle, not waiting for a disk, not stolen by another virtual machine; what
  // guests use is in user.
  return match.slice(1).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

/** The CPU time of the whole machine, read once a second in the background because /proc/stat takes a while on large machines. */
export class MachineActivity {
  private file: OpenedFile | null = null;
  private readonly timer: NodeJS.Timeout | null;
  private reading: Promise<void> | null = null;
  private closed = false;

  /** @param onReading gets the seconds of CPU time used since the machine was started */
  constructor(
    private readonly files: MachineFiles,
    private readonly onReading: (busySeconds: number) => void,
    start = true,
  ) {
    this.timer = start ? setInterval(() => void this.read(), intervalMs).unref() : null;
    if (start) void this.read();
  }

  /** Reads now, unless a reading is under way: then this is that reading. Does not throw. */
  read(): Promise<void> {
    this.reading ??= this.readOnce().finally(() => (this.reading = null));
    return this.reading;
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.timer !== null) clearInterval(this.timer);
    await this.reading;
    await this.file?.close().catch(() => undefined);
  }

  private async readOnce(): Promise<void> {
    try {
      this.file ??= await this.files.open(path);
      const busySeconds = parseBusySeconds(await this.file.read());
      if (busySeconds !== null && !this.closed) this.onReading(busySeconds);
    } catch {
      // Not a Linux, or not ours to read: then only our own hosts are seen.
      await this.file?.close().catch(() => undefined);
      this.file = null;
    }
  }
}
