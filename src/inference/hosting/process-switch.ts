import type { EcomapError } from '../../signals/errors';
import type { Variant } from '../../signals/tenant';
import type { HostProcess } from './host-process';
import type { Retirable, ServedTenant } from './served-tenant';
import type { Placed } from './variant-loader';

/** What shall be different. */
export interface ProcessChanges {
  /** Tenants that get another variant here, or come from elsewhere. */
  readonly changes: ReadonlyMap<ServedTenant, Variant>;
  /** Tenants that go elsewhere. */
  readonly leaving?: ReadonlySet<ServedTenant>;
  /** Loads into the process that serves, although that keeps others waiting: for the first start. */
  readonly direct?: boolean;
  /** Takes a new process in any case. */
  readonly fresh?: boolean;
}

/** Loaded and proven, not yet in force. */
export interface ProcessSwitch {
  readonly host: HostProcess;
  readonly isNewProcess: boolean;
  readonly placed: ReadonlyMap<ServedTenant, Placed>;
  /** Tenants that could not be served before either, and why. */
  readonly failures: ReadonlyMap<ServedTenant, EcomapError>;
  /** Put the guests into force, and return what they replace. */
  readonly guests: readonly (() => readonly Retirable[])[];
}

/** What a switch has put out of force. */
export interface Replaced {
  readonly deployments: readonly Retirable[];
  readonly host: HostProcess | null;
}
