import type { ExecutorState } from '../../src/inference/executor';
import type { NodeStatus } from '../../src/node-red/types';

/** "41", "4.1", "0.4": at most three characters for up to 999. */
function shown(ratePerS: number): string {
  return ratePerS >= 9.95 ? ratePerS.toFixed(0) : ratePerS.toFixed(1);
}

/** What the node shows: the worst thing first. */
export function statusOf(state: ExecutorState, answersPerS: number): NodeStatus {
  if (state.phase === 'starting') return { fill: 'blue', shape: 'dot', key: 'status.loading' };
  const tenants = state.tenants.length;
  const broken = state.tenants.filter(({ problem }) => problem !== null).length;
  if (broken === tenants) return { fill: 'red', shape: 'ring', key: 'status.allBroken' };
  const away = state.hosts.find((host) => host.state !== 'ready');
  if (away !== undefined) {
    return { fill: 'yellow', shape: 'dot', key: 'status.restarting', values: { component: away.component } };
  }
  if (broken > 0) return { fill: 'yellow', shape: 'dot', key: 'status.someBroken', values: { broken, tenants } };
  return { fill: 'green', shape: 'dot', key: 'status.serving', values: { tenants, rate: shown(answersPerS) } };
}
