import type { GridConfig } from '../grid-config';
import { ProviderHttp, type HttpLimits } from '../http';
import type { CarbonProvider } from '../provider';
import { createEnergyChartsProvider } from './energy-charts';
import { createGbProvider } from './gb';
import { createSimulatedProvider } from './simulated';
import { createStaticProvider } from './static';
import { createTraceProvider } from './trace';

export interface ProviderSurroundings {
  readonly now: () => number;
  /** Relative paths of traces start here. */
  readonly stateDirectory: string;
  readonly http?: Partial<HttpLimits>;
}

/** @throws EcomapError INVALID_CONFIG when the settings cannot work, e.g. a zone that no table knows */
export function createProvider(config: GridConfig, surroundings: ProviderSurroundings): CarbonProvider {
  const http = (): ProviderHttp =>
    new ProviderHttp(config.provider, { now: surroundings.now, limits: surroundings.http });
  switch (config.provider) {
    case 'gb':
      return createGbProvider(config, { http: http(), now: surroundings.now });
    case 'energy-charts':
      return createEnergyChartsProvider(config, { http: http(), now: surroundings.now });
    case 'trace':
      return createTraceProvider(config, surroundings);
    case 'static':
      return createStaticProvider(config, surroundings);
    case 'simulated':
      return createSimulatedProvider(config, surroundings);
  }
}
