import type { EcomapError } from '../../signals/errors';
import type { Tenant } from '../../signals/tenant';
import type { DispatchClient } from '../serving/dispatcher';
import type { LoadedVariant } from '../serving/variant-server';
import type { Deployment } from './deployment';
import type { HostProcess } from './host-process';

/** A tenant as the processes that serve it see it. */
export interface ServedTenant extends DispatchClient {
  readonly tenant: Tenant;
  readonly deployment: LoadedVariant | null;
  /** @param why what the answers state as the reason; absent: as before */
  deploy(deployment: Deployment, why?: readonly string[]): void;
  /** A lighter variant that answers when the queue is full or time is short. */
  deployFallback(fallback: Deployment | null): void;
}

/** Something that gives its model back when it has answered. */
export interface Retirable {
  retire(): Promise<void>;
}

/** What lives in a process beside the whole models of its tenants: a stage of a model. */
export interface Guest {
  readonly key: string;
  /** Measured mean of one run, ms; null before the first. */
  readonly runMs: number | null;
  /** Loads and proves it in another process, beside the one that serves. The result puts it into force. */
  place(host: HostProcess): Promise<() => readonly Retirable[]>;
  /** Its process is down, or its model cannot be loaded again. */
  onLost(error: EcomapError): void;
  /** Its process serves again, after it had been given up. */
  onRestored(): void;
}
