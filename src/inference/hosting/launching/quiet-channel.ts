import type { Socket } from 'node:net';

/**
 * Stops a socket from being read in this process, until another one gets it. A socket that `spawn` makes is read from its first turn on,
 * and goes on being read while its handle is on the way: what the host says meanwhile would be lost. Node.js has no public call for it;
 * where the handle is no longer what it is today, nothing happens here and a test fails.
 */
export function stopReading(socket: Socket): void {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null || !('readStop' in handle)) return;
  if (typeof handle.readStop === 'function') handle.readStop();
}
