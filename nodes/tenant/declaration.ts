import { demonstrationFamily } from '../../src/models/family-card';
import { tenantOfFamily, tenantOfOwnModels, type ServiceTerms } from '../../src/models/tenant-from-config';
import { EcomapError } from '../../src/signals/errors';
import type { ImageDeclaration } from '../../src/signals/image';
import type { Serving, Tenant } from '../../src/signals/tenant';
import type { TenantConfig } from './config';
import { imageOf } from './image';

type Config = Readonly<TenantConfig>;

function overrideOf({ overrideMode, pinnedVariant }: Config): Tenant['override'] {
  return overrideMode === 'pin' ? { mode: 'pin', variant: pinnedVariant } : { mode: overrideMode };
}

function outputOf({ outputKind, outputName, labels, unit, tolerance }: Config): object {
  switch (outputKind) {
    case 'tensors':
      return { kind: 'tensors' };
    case 'label':
      return { kind: 'label', name: outputName, labels };
    case 'value':
      return { kind: 'value', name: outputName, unit, tolerance };
  }
}

function servingOf(config: Config): Serving {
  const { queueLength, weight, whenFull, whenLate, drop, largestBatch, batchDelayMs } = config;
  return { queueLength, weight, whenFull, whenLate, drop, largestBatch, batchDelayMs };
}

/** Null where the tenant takes numbers. */
function imageOrNull(config: Config, dims: readonly number[] | null): ImageDeclaration | null {
  return config.inputKind === 'image' ? imageOf(config, dims) : null;
}

/**
 * The tenant that a form declares. Relative paths begin in `userDirectory`.
 * @throws EcomapError INVALID_CONFIG naming what is missing; MODEL_NOT_FOUND or MODEL_INVALID when a shipped card is broken
 */
export function tenantOf(config: Config, userDirectory: string): Tenant {
  const { source, latencyLimitMs, priority, leastAccuracy, arrivalRatePerS, nonFiniteInput } = config;
  const name = config.name === '' && source !== 'own' ? source : config.name;
  if (name === '')
    throw new EcomapError('INVALID_CONFIG', 'The tenant has no name: requests are addressed to it by name.');
  const terms: ServiceTerms = {
    name,
    latencyLimitMs,
    priority,
    leastAccuracy,
    arrivalRatePerS,
    override: overrideOf(config),
    nonFiniteInput,
    serving: servingOf(config),
    deferrableUntilH: config.deferrableUntilH,
  };
  if (source !== 'own') {
    const family = demonstrationFamily(source);
    return tenantOfFamily(family, { ...terms, image: imageOrNull(config, family.card.input.dims) });
  }
  const { inputName, inputDims, inputType, variants } = config;
  const input = {
    name: inputName,
    dims: inputDims,
    type: inputType === 'model' ? null : inputType,
    image: imageOrNull(config, inputDims),
  };
  return tenantOfOwnModels({ variants, input, output: outputOf(config) }, terms, userDirectory);
}
