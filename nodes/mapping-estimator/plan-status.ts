import type { Coverage } from '../../src/mapping/planner/protocol';
import type { NodeStatus } from '../../src/node-red/types';
import type { Plan, PlanChange } from '../../src/signals/plan';

/** Measurements after which new intervals are taken for proven. */
const proven = 20;

/** The node's status: the plan that stands, what it was changed for, and whether predictions have held lately. */
export class PlanStatus {
  private plan: Plan | null = null;
  private note: { readonly key: string; readonly values: Readonly<Record<string, string | number>> } | null = null;

  private cause: PlanChange['cause'] | null = null;

  constructor(
    private readonly on: {
      show(status: NodeStatus): void;
      warn(text: string): void;
      /** A text of the node's catalogue. */
      text(key: string): string;
    },
  ) {}

  onPlan(plan: Plan): void {
    this.plan = plan;
    this.cause = plan.change?.cause ?? this.cause;
    this.show();
  }

  /** @param refreshed the intervals were made anew from what was measured */
  onCoverage({ coverage, measured, holds }: Coverage, refreshed: boolean): void {
    const before = this.note?.key;
    if (refreshed) this.note = { key: 'status.refreshed', values: {} };
    else if (!holds) this.note = { key: 'status.drifted', values: { covered: Math.round(100 * (coverage ?? 0)) } };
    else if (measured >= proven || before === 'status.drifted') this.note = null;
    if (refreshed) this.on.warn('Predictions no longer held: their intervals were made anew from recent measurements.');
    this.show();
  }

  private show(): void {
    const { plan, note, cause } = this;
    if (plan === null) return;
    const used = new Set(plan.tenants.flatMap(({ stages }) => stages.map(({ component }) => component)));
    const figures = {
      tenants: plan.tenants.length,
      components: used.size,
      powerW: plan.powerW.expected.toFixed(1),
      cause: cause === null || cause === 'start' ? '' : `: ${this.on.text(`cause.${cause}`)}`,
    };
    const fill = plan.feasible && note === null ? 'green' : 'yellow';
    const { key, values } = note ?? { key: 'status.plan', values: {} };
    this.on.show({ fill, shape: 'dot', key, values: { ...figures, ...values } });
  }
}
