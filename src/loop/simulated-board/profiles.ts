import { ProfileTable } from '../../mapping/profiles/table';
import { clockSpeed, type OperatingPoint } from '../../signals/device';
import type { Profile } from '../../signals/profile';
import type { Tenant } from '../../signals/tenant';
import type { Random } from '../../simulation/random';
import type { Placement, UnitName } from '../../simulation/devices';
import { servingUnits } from '../../simulation/devices/workloads/families';
import type { LoopBoard } from './board';

/** Assumption, for the board's model counts no operations: what its GPU does per second at its highest clocks. */
const assumedGflops = 600;
/** Assumption: an image as the networks take it. */
const inputBytes = 4 * 3 * 224 * 224;
/** Slow runs against usual ones, alone. */
const spread = 1.05;

/**
 * What profiling would find on the board: each variant alone on each component at each operating point, latency and energy as its
 * sensors tell them. `simulated` throughout.
 */
export function boardProfiles(
  board: LoopBoard,
  tenants: readonly Tenant[],
  points: readonly OperatingPoint[],
  random: Random,
): ProfileTable {
  const table = new ProfileTable();
  for (const tenant of tenants) {
    for (const { name } of tenant.variants) {
      for (const unit of servingUnits) {
        const network = board.networkOf(tenant, name, unit);
        if (network === null) continue;
        for (const point of points) table.set(tenant.name, name, profileOf(board, network, unit, point, random));
      }
      table.setCounts(tenant.name, name, countsOf(board, tenant, name));
    }
  }
  return table;
}

function profileOf(board: LoopBoard, network: string, unit: UnitName, point: OperatingPoint, random: Random): Profile {
  const alone: Placement = { network, stages: [{ unit }], ratePerS: null };
  const { networks, powerW } = board.model.observe([alone], board.clocksAt(point.name), random);
  const latencyMs = networks[0]?.latencyMs ?? Number.NaN;
  return {
    modelSha256: 'simulated',
    componentClass: unit,
    deviceFingerprint: `simulated ${board.name}`,
    operatingPoint: { name: point.name, clockSpeed: clockSpeed(point) },
    latencyMs: { p50: latencyMs, p95: spread * latencyMs },
    cpuMs: 0,
    loadMs: 0,
    memoryBytes: null,
    runs: 20,
    contended: false,
    energy: { perInferenceJ: ((powerW - point.idleW) * latencyMs) / 1000, source: 'simulated' },
    measuredAt: '2026-01-01T00:00:00Z',
  };
}

function countsOf(board: LoopBoard, tenant: Tenant, variant: string) {
  const fastest = servingUnits.flatMap((unit) => {
    const network = board.networkOf(tenant, variant, unit);
    const latencyMs = network === null ? null : board.model.latencyMs(network, unit, board.clocksAt('MAXN'));
    return network === null || latencyMs === null ? [] : [{ network, seconds: latencyMs / 1000 }];
  });
  const seconds = Math.min(...fastest.map((one) => one.seconds));
  const { memoryShare } = board.model.network(fastest[0]?.network ?? '');
  return {
    gigaflop: seconds * assumedGflops,
    gigabytes: seconds * memoryShare * board.model.board.emc.bandwidthGbPerS,
    inputBytes,
    cuts: [],
  };
}
