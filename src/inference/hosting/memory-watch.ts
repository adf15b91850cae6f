import type { HostProcess } from './host-process';
import { beyond } from './memory-guard';

const intervalMs = 100;

/**
 * Ends a host of one task when it takes more memory than this, bytes: what it was doing is told why. Hosts that serve are looked
 * after by `MemoryGuard`.
 * @returns ends the watch
 */
export function watchMemory(host: HostProcess, limitBytes: number): () => void {
  const look = async () => {
    const read = await host.readMemory();
    if (read !== null && read.rssBytes > limitBytes) host.kill(beyond(read.rssBytes, limitBytes));
  };
  const timer = setInterval(() => void look(), intervalMs);
  return () => clearInterval(timer);
}
