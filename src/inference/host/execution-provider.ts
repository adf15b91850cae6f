import type { InferenceSession } from '../runtime';
import type { HostSettings } from './protocol';

/** What a session is created with: the provider of the component, with its options, and nothing before it. */
export function executionProvidersOf({
  provider,
  providerOptions,
}: Pick<HostSettings, 'provider' | 'providerOptions'>): InferenceSession.ExecutionProviderConfig[] {
  return [{ ...providerOptions, name: provider }];
}
