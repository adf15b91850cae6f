import type { EcomapError } from '../../signals/errors';
import type { Variant } from '../../signals/tenant';
import type { HostProcess } from './host-process';
import type { ProcessSwitch, Replaced } from './process-switch';
import type { Retirable, ServedTenant } from './served-tenant';
import type { ServingProcess } from './serving-process';
import type { LoadedVariant } from '../serving/variant-server';

/** Where one tenant shall be served, and with what. */
export interface Move<Tenant extends ServedTenant = ServedTenant> {
  readonly tenant: Tenant;
  readonly variant: Variant;
  readonly process: ServingProcess;
}

/** Tenants that are to run in stages, which are loaded once the processes for them are there. */
export interface StageNeeds<Tenant extends ServedTenant = ServedTenant> {
  readonly tenants: ReadonlySet<Tenant>;
  /** Processes that must be replaced, because loading a stage would keep the tenants of the old ones waiting. */
  readonly replaced: ReadonlySet<ServingProcess>;
}

/** Which process serves a tenant. */
export type Places = Map<ServedTenant, ServingProcess>;

/**
 * Several tenants get other variants or other processes, all at once: first everything is loaded and proven beside what runs,
 * then it takes effect in one go, then what it replaces is given back.
 */
export class ChangeOver<Tenant extends ServedTenant> {
  #replaced: { readonly process: ServingProcess; readonly replaced: Replaced }[] = [];

  private constructor(
    private readonly moves: readonly Move<Tenant>[],
    private readonly places: Places,
    private readonly switches: ReadonlyMap<ServingProcess, ProcessSwitch>,
    private readonly staged: ReadonlySet<Tenant>,
  ) {}

  /**
   * @param places kept up to date by `commit`
   * @throws EcomapError of what does not load for a tenant that is being served; then nothing has changed
   */
  static async prepare<Tenant extends ServedTenant>(
    moves: readonly Move<Tenant>[],
    places: Places,
    staged: StageNeeds<Tenant> = { tenants: new Set(), replaced: new Set() },
  ): Promise<ChangeOver<Tenant>> {
    const processes = new Set([...moves.map(({ process }) => process), ...staged.replaced]);
    const switches = new Map<ServingProcess, ProcessSwitch>();
    const outcomes = await Promise.allSettled(
      [...processes].map(async (process) => {
        const here = moves.filter((move) => move.process === process);
        const changes = new Map<ServedTenant, Variant>(here.map(({ tenant, variant }) => [tenant, variant]));
        const leaving = new Set<ServedTenant>(
          moves.filter((move) => move.process !== process).map(({ tenant }) => tenant),
        );
        for (const tenant of staged.tenants) leaving.add(tenant);
        const fresh = staged.replaced.has(process);
        switches.set(process, await process.prepare({ changes, leaving, fresh }));
      }),
    );
    const changeOver = new ChangeOver(moves, places, switches, staged.tenants);
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure === undefined) return changeOver;
    await changeOver.discard();
    throw failure.reason;
  }

  /** The process that will serve. */
  hostFor(process: ServingProcess): HostProcess {
    return this.switches.get(process)?.host ?? process.host;
  }

  /** Tenants that could not be served before and cannot now. */
  get failures(): [ServedTenant, EcomapError][] {
    return [...this.switches.values()].flatMap(({ failures }) => [...failures]);
  }

  /**
   * From here on everything is as asked: nothing else runs while this does. Where `whyOf` gives null, the answers state the same
   * reason as before.
   * @returns the tenants that have changed, with what served them before
   */
  commit(whyOf: (move: Move<Tenant>) => readonly string[] | null): Map<Move<Tenant>, LoadedVariant | null> {
    const changed = new Map<Move<Tenant>, LoadedVariant | null>();
    const left = new Map<ServingProcess, Retirable[]>();
    for (const move of this.moves) {
      if (this.switches.get(move.process)?.placed.has(move.tenant) !== true) continue;
      changed.set(move, move.tenant.deployment);
      const before = this.places.get(move.tenant);
      this.places.set(move.tenant, move.process);
      if (before === undefined || before === move.process) continue;
      left.set(before, [...(left.get(before) ?? []), ...before.release(move.tenant)]);
    }
    for (const tenant of this.staged) {
      const before = this.places.get(tenant);
      if (before !== undefined) left.set(before, [...(left.get(before) ?? []), ...before.release(tenant)]);
    }
    const why = new Map<ServedTenant, readonly string[]>();
    for (const move of changed.keys()) {
      const reasons = whyOf(move);
      if (reasons !== null) why.set(move.tenant, reasons);
    }
    for (const [process, prepared] of this.switches) {
      const { deployments, host } = process.commit(prepared, why);
      // The old process ends when those have answered, too, that have gone elsewhere.
      this.#replaced.push({ process, replaced: { deployments: [...deployments, ...(left.get(process) ?? [])], host } });
      left.delete(process);
    }
    for (const [process, deployments] of left) this.#replaced.push({ process, replaced: { deployments, host: null } });
    return changed;
  }

  /** Gives back what the change has put out of use, once it has answered. */
  async finish(): Promise<void> {
    await Promise.all(this.#replaced.map(({ process, replaced }) => process.finish(replaced)));
  }

  /** Instead of `commit`: everything stays as it was. */
  async discard(): Promise<void> {
    await Promise.all([...this.switches].map(([process, prepared]) => process.discard(prepared)));
  }
}
