/** Where the hosts tell what no request is told. */
export interface HostLog {
  info(text: string): void;
  warn(text: string): void;
}

export const silentLog: HostLog = { info: () => undefined, warn: () => undefined };
