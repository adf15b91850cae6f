import type { InferenceSession } from '../runtime';
import type { SessionSettings } from './protocol';

/** What a session is created with: the provider of the component, with its options, and nothing before it. */
export function executionProvidersOf({
  provider,
  providerOptions,
}: Pick<SessionSettings, 'provider' | 'providerOptions'>): InferenceSession.ExecutionProviderConfig[] {
  return [{ ...providerOptions, name: provider }];
}
