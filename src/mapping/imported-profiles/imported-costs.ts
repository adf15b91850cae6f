import type { Component } from '../../signals/device';
import type { ImportedProfile, ImportedTable } from '../../signals/imported-profile';
import type { Profile } from '../../signals/profile';
import type { Tenant, Variant } from '../../signals/tenant';
import { defaultComponent } from './profile-file';

/** A table tells one latency; the slowest of twenty runs is taken to be as much longer as where a spread cannot be measured. */
const assumedSpread = 1.2;

/**
 * The rows about a tenant: those of the family that is called like its family or like itself, or all rows of a table that knows one
 * family only.
 */
export function rowsOf({ profiles }: ImportedTable, tenant: Pick<Tenant, 'name' | 'family'>): ImportedProfile[] {
  const families = new Set(profiles.map(({ family }) => family));
  const named = [tenant.family, tenant.name].find((name) => families.has(name));
  if (named !== undefined) return profiles.filter(({ family }) => family === named);
  return families.size === 1 ? [...profiles] : [];
}

/**
 * What a table says of a variant on a component, at its fastest operating point; null where it says nothing. A row without a
 * component holds on all of them, another on the one of that name or class.
 * @param importedAt when the table was read, ISO 8601
 */
export function importedCost(
  table: ImportedTable,
  tenant: Tenant,
  variant: Variant,
  component: Component,
  importedAt: string,
): Profile | null {
  const here = [component.name, component.componentClass];
  const rows = rowsOf(table, tenant).filter((row) => row.variant === variant.name);
  const own = rows.filter((row) => here.includes(row.component));
  const fitting = own.length > 0 ? own : rows.filter((row) => row.component === defaultComponent);
  if (fitting.length === 0) return null;
  const latencyMs = Math.min(...fitting.map((row) => row.latencyMs));
  return {
    // Nothing was run: there is no file that it was measured with, and no time to load one.
    modelSha256: 'imported',
    componentClass: component.componentClass,
    deviceFingerprint: `imported ${table.file}`,
    latencyMs: { p50: latencyMs, p95: latencyMs * assumedSpread },
    cpuMs: 0,
    loadMs: 0,
    memoryBytes: null,
    runs: 1,
    contended: false,
    imported: table.file,
    measuredAt: importedAt,
  };
}
