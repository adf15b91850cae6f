import { EcomapError } from '../../signals/errors';
import type { ImportedProfile, ImportedTable } from '../../signals/imported-profile';

/** An operating point of a device as a table has it. */
export interface ImportedMode {
  readonly name: string;
  /** Relative to the fastest one. */
  readonly speed: number;
  readonly idleW: number;
  /** Watts above idle while it computes: mean over the rows. */
  readonly busyW: number;
}

/**
 * The operating points of a device from a table, fastest first. A point's speed is the geometric mean of the latency at the
 * fastest point over the latency here, over the variants and components that were measured at both.
 * @throws EcomapError INVALID_CONFIG where idle power is not told at every point
 */
export function importedModes({ file, profiles }: ImportedTable): ImportedMode[] {
  const names = [...new Set(profiles.map(({ operatingPoint }) => operatingPoint))];
  const points = names.map((name) => ({ name, rows: profiles.filter((row) => row.operatingPoint === name) }));
  const reference = points.reduce((best, point) => (speedAgainst(point.rows, best.rows) > 1 ? point : best));
  const modes = points.map(({ name, rows }): ImportedMode => {
    const idle = rows.flatMap(({ idleW }) => idleW ?? []);
    if (idle.length === 0) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `The profile ${file} does not say what the device draws at ${name} while nothing runs: fill in the column idle_w.`,
      );
    }
    const idleW = mean(idle);
    const busyW = mean(rows.map(({ powerW, idleW: own }) => Math.max(0, powerW - (own ?? idleW))));
    return { name, speed: speedAgainst(rows, reference.rows), idleW, busyW };
  });
  const fastest = Math.max(...modes.map(({ speed }) => speed));
  return modes.map((mode) => ({ ...mode, speed: mode.speed / fastest })).sort((a, b) => b.speed - a.speed);
}

/** How much faster these rows are than others, over what both know; 1 where they have nothing in common. */
function speedAgainst(rows: readonly ImportedProfile[], others: readonly ImportedProfile[]): number {
  const ratios = rows.flatMap((row) => {
    const other = others.find(
      ({ family, variant, component }) =>
        family === row.family && variant === row.variant && component === row.component,
    );
    return other === undefined ? [] : [Math.log(other.latencyMs / row.latencyMs)];
  });
  return ratios.length === 0 ? 1 : Math.exp(mean(ratios));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
