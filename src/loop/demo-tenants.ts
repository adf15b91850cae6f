import { demonstrationFamilies } from '../models/family-card';
import { demonstrationTenant, type ServiceTerms } from '../models/tenant-from-config';
import type { Tenant } from '../signals/tenant';

/**
 * Limits and rates of the demonstration: loose enough for the largest variants at full speed on one current core, too tight
 * for them under a deep cap. Priorities differ so that it shows who gives way first.
 */
const terms: Record<(typeof demonstrationFamilies)[number], Omit<ServiceTerms, 'name'>> = {
  inspect: { latencyLimitMs: 100, priority: 1, leastAccuracy: 0, arrivalRatePerS: 10, override: { mode: 'auto' } },
  gauge: { latencyLimitMs: 100, priority: 2, leastAccuracy: 0, arrivalRatePerS: 10, override: { mode: 'auto' } },
  vibration: { latencyLimitMs: 60, priority: 2, leastAccuracy: 0, arrivalRatePerS: 10, override: { mode: 'auto' } },
};

/** The three demonstration tenants. @throws EcomapError MODEL_NOT_FOUND or MODEL_INVALID when a shipped card is broken */
export function demonstrationTenants(): Tenant[] {
  return demonstrationFamilies.map((family) => demonstrationTenant(family, { name: family, ...terms[family] }));
}
