import { messageOf } from '../../signals/errors';
import { ChangeOver, type Places } from './change-over';
import { shouldBeExpress, type TenantRuns } from './express-rule';
import type { HostLog } from './host-log';
import type { ServingComponent } from './serving-component';
import type { ServedTenant } from './served-tenant';
import type { ServingProcess } from './serving-process';

const retryMs = 60_000;

/** Gives small tenants with tight limits a process of their own on their component, and takes it back. */
export class ExpressArrangement {
  #nextTryMs = -Infinity;

  /** @param onOpen hears of each new process before it starts */
  constructor(
    private readonly component: ServingComponent,
    private readonly places: Places,
    private readonly onOpen: (process: ServingProcess) => void,
    private readonly log: HostLog,
  ) {}

  /** The tenants that are in the wrong process, by what is measured now. */
  misplaced(nowMs: number): ServedTenant[] {
    if (nowMs < this.#nextTryMs) return [];
    const { ordinary, express } = this.component;
    const tenants = [...ordinary.clients, ...(express?.clients ?? [])].filter(({ deployment }) => deployment !== null);
    // Stages of models are never served apart, but tenants may have to wait behind them.
    const guests = [...ordinary.guests].map(({ runMs }): TenantRuns => ({ latencyLimitMs: Infinity, runMs }));
    if (tenants.length + guests.length < 2) return express === null ? [] : (express.clients ?? []);
    return tenants.filter((tenant) => {
      const others = [...tenants.filter((other) => other !== tenant).map(runsOf), ...guests];
      const isExpress = express !== null && this.places.get(tenant) === express;
      return shouldBeExpress(runsOf(tenant), others, isExpress) !== isExpress;
    });
  }

  /** Whether there is anything for `arrange` to do. */
  isDue(nowMs: number): boolean {
    return this.component.express?.clients.length === 0 || this.misplaced(nowMs).length > 0;
  }

  /** Puts them right. Never fails: where it is not possible everything stays as it is, and is tried again later. */
  async arrange(nowMs: number): Promise<void> {
    if (this.component.express?.clients.length === 0) await this.component.closeExpress();
    const tenants = this.misplaced(nowMs);
    if (tenants.length === 0) return;
    const before = this.component.express;
    try {
      const { process: express, isNew } = this.component.openExpress();
      if (isNew) {
        this.onOpen(express);
        await express.start();
      }
      const moves = tenants.flatMap((tenant) => {
        const variant = tenant.deployment?.variant;
        const process = this.places.get(tenant) === express ? this.component.ordinary : express;
        return variant === undefined ? [] : [{ tenant, variant, process }];
      });
      const changeOver = await ChangeOver.prepare(moves, this.places);
      changeOver.commit(() => null);
      if (before === null) await this.component.preferExpress();
      const names = tenants.map(({ tenant }) => tenant.name).join(', ');
      this.log.info(`${this.component.component.name}: ${names} changed between the ordinary and the express process.`);
      await changeOver.finish();
    } catch (error) {
      this.#nextTryMs = nowMs + retryMs;
      this.log.warn(`${this.component.component.name}: no express process for now: ${messageOf(error)}`);
    }
    if (this.component.express?.clients.length === 0) await this.component.closeExpress();
  }
}

function runsOf({ tenant, deployment }: ServedTenant): TenantRuns {
  return { latencyLimitMs: tenant.latencyLimitMs, runMs: deployment?.times.meanMs() ?? null };
}
