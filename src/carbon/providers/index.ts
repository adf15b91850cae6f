import type { GridConfig } from '../grid-config';
import { ProviderHttp, type HttpLimits } from '../http';
import type { CarbonProvider } from '../provider';
import { secretsOf, type ProviderSecrets } from '../secrets';
import { createCarbonAwareSdkProvider } from './carbon-aware-sdk';
import { createElectricityMapsProvider } from './electricity-maps';
import { createEnergyChartsProvider } from './energy-charts';
import { createGbProvider } from './gb';
import { createInjectedProvider } from './injected';
import { createSimulatedProvider } from './simulated';
import { createStaticProvider } from './static';
import { createTraceProvider } from './trace';
import { createWattTimeProvider } from './watttime';

export interface ProviderSurroundings {
  readonly now: () => number;
  /** Relative paths of traces start here. */
  readonly stateDirectory: string;
  readonly http?: Partial<HttpLimits>;
  /** In [0, 1), for the jitter of requests. */
  readonly random?: () => number;
  /** What was typed into the node; the environment fills what is not there. */
  readonly secrets?: ProviderSecrets;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** @throws EcomapError INVALID_CONFIG when the settings cannot work, e.g. a zone that no table knows */
export function createProvider(config: GridConfig, surroundings: ProviderSurroundings): CarbonProvider {
  const http = (): ProviderHttp =>
    new ProviderHttp(config.provider, {
      now: surroundings.now,
      random: surroundings.random,
      limits: surroundings.http,
    });
  const secrets = secretsOf(config.provider, surroundings.secrets ?? {}, surroundings.environment ?? process.env);
  switch (config.provider) {
    case 'gb':
      return createGbProvider(config, { http: http(), now: surroundings.now });
    case 'energy-charts':
      return createEnergyChartsProvider(config, { http: http(), now: surroundings.now });
    case 'electricity-maps':
      return createElectricityMapsProvider(config, { http: http(), now: surroundings.now, secrets });
    case 'watttime':
      return createWattTimeProvider(config, { http: http(), now: surroundings.now, secrets });
    case 'carbon-aware-sdk':
      return createCarbonAwareSdkProvider(config, { http: http(), now: surroundings.now, secrets });
    case 'injected':
      return createInjectedProvider(config, surroundings);
    case 'trace':
      return createTraceProvider(config, surroundings);
    case 'static':
      return createStaticProvider(config, surroundings);
    case 'simulated':
      return createSimulatedProvider(config, surroundings);
  }
}
