import type { ExecutorState } from '../../src/inference/executor-state';
import type { NodeStatus } from '../../src/node-red/types';
import { eligibleVariants, type Tenant } from '../../src/signals/tenant';

type TenantState = ExecutorState['tenants'][number];

/** The canvas has room for about 30 characters in all. */
const longestName = 12;

/** "41", "4.1", "0.4": at most three characters for up to 999. */
function shown(ratePerS: number): string {
  return ratePerS >= 9.95 ? ratePerS.toFixed(0) : ratePerS.toFixed(1);
}

function short(name: string): string {
  return name.length <= longestName ? name : `${name.slice(0, longestName - 1)}…`;
}

/** Codes that a tenant or the start can end with; each has a text of a few words in the catalogue. */
const explained = [
  'INVALID_CONFIG',
  'MODEL_NOT_FOUND',
  'MODEL_INVALID',
  'MODEL_HASH_MISMATCH',
  'INPUT_MISMATCH',
  'MEMORY_EXCEEDED',
  'RUNTIME_UNAVAILABLE',
  'HOST_CRASHED',
];

/** Key of the catalogue for the reason behind an error code. */
function reasonKey(code: string): string {
  return `reason.${explained.includes(code) ? code : 'other'}`;
}

/** Tenants that run a lighter variant than the most accurate they may. */
function degradedOf(state: ExecutorState, tenants: readonly Tenant[]): TenantState[] {
  return state.tenants.filter(({ tenant, variant }) => {
    const declared = tenants.find(({ name }) => name === tenant);
    return variant !== null && declared !== undefined && eligibleVariants(declared)[0]?.name !== variant;
  });
}

/** How far it is, as long as a tenant has nothing yet that serves it; null from then on. */
function beginningOf({ tenants, progress: { loaded, toLoad } }: ExecutorState): NodeStatus | null {
  const activities = tenants.map(({ activity }) => activity);
  if (activities.includes('loading')) {
    return toLoad === 0
      ? { fill: 'blue', shape: 'ring', key: 'status.starting' }
      : { fill: 'blue', shape: 'dot', key: 'status.loading', values: { loaded, toLoad } };
  }
  return activities.includes('warming-up') ? { fill: 'blue', shape: 'dot', key: 'status.warmingUp' } : null;
}

/**
 * What the node shows: the worst thing first.
 * @param text looks a key up in the node's catalogue
 */
export function statusOf(
  state: ExecutorState,
  tenants: readonly Tenant[],
  answersPerS: number,
  text: (key: string) => string,
): NodeStatus {
  const total = state.tenants.length;
  const broken = state.tenants.filter(({ problem }) => problem !== null);
  const [firstBroken] = broken;
  const why = text(reasonKey(firstBroken?.problem?.code ?? ''));
  if (firstBroken !== undefined && broken.length === total) {
    return { fill: 'red', shape: 'ring', key: 'status.allBroken', values: { why } };
  }
  const beginning = beginningOf(state);
  if (beginning !== null) return beginning;
  const away = state.hosts.find((host) => host.state !== 'ready');
  if (away !== undefined) {
    const key = away.state === 'down' ? 'status.down' : 'status.restarting';
    return { fill: 'yellow', shape: 'dot', key, values: { component: short(away.component) } };
  }
  if (firstBroken !== undefined && broken.length === 1) {
    const values = { tenant: short(firstBroken.tenant), why };
    return { fill: 'yellow', shape: 'dot', key: 'status.oneBroken', values };
  }
  if (broken.length > 0) {
    return { fill: 'yellow', shape: 'dot', key: 'status.someBroken', values: { broken: broken.length, total } };
  }
  const { loaded, toLoad } = state.progress;
  // What serves goes on while a plan or a new process loads beside it.
  if (loaded < toLoad) {
    return {
      fill: 'green',
      shape: 'dot',
      key: 'status.changing',
      values: { loaded, toLoad, rate: shown(answersPerS) },
    };
  }
  const [unused] = state.unused;
  if (unused !== undefined) {
    const values = { component: short(unused.component), rate: shown(answersPerS) };
    return { fill: 'yellow', shape: 'ring', key: 'status.unused', values };
  }
  const degraded = degradedOf(state, tenants);
  const [firstDegraded] = degraded;
  if (firstDegraded !== undefined) {
    const one = { tenant: short(firstDegraded.tenant), variant: short(firstDegraded.variant ?? '') };
    return degraded.length === 1
      ? { fill: 'green', shape: 'ring', key: 'status.oneDegraded', values: one }
      : { fill: 'green', shape: 'ring', key: 'status.someDegraded', values: { degraded: degraded.length, total } };
  }
  return { fill: 'green', shape: 'dot', key: 'status.ready', values: { rate: shown(answersPerS) } };
}
