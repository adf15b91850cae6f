import { EcomapError } from '../signals/errors';
import type { GridConfig } from './grid-config';

/** What a provider is asked with. Never part of a flow, a log line, a message or the name of a file. */
export interface ProviderSecrets {
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** Environment variables that stand in for what the form leaves empty. */
export const secretVariables: Partial<Record<GridConfig['provider'], Readonly<Record<string, string>>>> = {
  'electricity-maps': { token: 'ECOMAP_ELECTRICITY_MAPS_TOKEN' },
  watttime: { username: 'ECOMAP_WATTTIME_USERNAME', password: 'ECOMAP_WATTTIME_PASSWORD' },
  'carbon-aware-sdk': { token: 'ECOMAP_CARBON_AWARE_SDK_TOKEN' },
};

/** The provider's secrets: what was typed, else what the environment holds. Only those that the provider uses. */
export function secretsOf(
  provider: GridConfig['provider'],
  typed: ProviderSecrets,
  environment: Readonly<Record<string, string | undefined>>,
): ProviderSecrets {
  const filled = (text: string | undefined): string | undefined => text?.trim() || undefined;
  const variables: Readonly<Record<string, string>> = secretVariables[provider] ?? {};
  return Object.fromEntries(
    Object.entries(variables).map(([name, variable]) => [
      name,
      filled(typed[name as keyof ProviderSecrets]) ?? filled(environment[variable]),
    ]),
  );
}

/** @throws EcomapError PROVIDER_UNAUTHORIZED when there is none or it cannot be sent */
export function requiredSecret(
  provider: GridConfig['provider'],
  name: keyof ProviderSecrets,
  secrets: ProviderSecrets,
) {
  const secret = secrets[name];
  const variable = secretVariables[provider]?.[name];
  if (secret === undefined) {
    throw new EcomapError(
      'PROVIDER_UNAUTHORIZED',
      `${provider}: no ${name} is set: type it into the grid node or set the environment variable ${variable}`,
    );
  }
  // Such a header cannot be sent, and the error of that would quote it.
  if (!/^[\x20-\x7e]+$/.test(secret) && name === 'token') {
    throw new EcomapError(
      'PROVIDER_UNAUTHORIZED',
      `${provider}: the token holds characters that no token has: type it anew`,
    );
  }
  return secret;
}
