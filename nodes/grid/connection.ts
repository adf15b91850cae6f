import { z } from 'zod';
import type { GridConfig } from '../../src/carbon/grid-config';
import type { ProviderSecrets } from '../../src/carbon/secrets';
import { testConnection, type ConnectionReport } from '../../src/carbon/test-connection';
import type { AdminRequest } from '../../src/node-red/types';
import { EcomapError } from '../../src/signals/errors';
import { parseAtTheDoor } from '../../src/signals/parse';
import { gridNodeConfig } from './config';

/** What the editor shows in place of a password that is stored. */
const storedMark = '__PWRD__';

const secret = z.string().max(4096).optional();
const requestSchema = z.object({
  /** The node whose form asks: its stored secrets stand in where the form only shows that there are some. */
  id: z.string().optional(),
  config: z.record(z.string(), z.unknown()),
  credentials: z.object({ token: secret, username: secret, password: secret }).default({}),
});

/** What a deployed grid offers to the test: its secrets, which never leave it, for the address that they belong to. */
export interface GridConnection {
  test(config: GridConfig, typed: ProviderSecrets, stateDirectory: string): Promise<ConnectionReport>;
}

export function connectionOf(deployed: GridConfig, stored: ProviderSecrets): GridConnection {
  return {
    test(config, typed, stateDirectory) {
      const isStored = (value: string | undefined): boolean => value === storedMark;
      if (Object.values(typed).some(isStored) && !isSamePlace(config, deployed)) {
        throw new EcomapError(
          'INVALID_CONFIG',
          'The stored secret belongs to another provider or address: type it anew, so that it is not sent elsewhere by mistake.',
        );
      }
      const secrets = {
        token: isStored(typed.token) ? stored.token : typed.token,
        username: typed.username,
        password: isStored(typed.password) ? stored.password : typed.password,
      };
      return testConnection(config, { now: Date.now, stateDirectory, secrets });
    },
  };
}

const addressOf = (config: GridConfig): string | null => ('baseUrl' in config ? config.baseUrl : null);
const isSamePlace = (one: GridConfig, other: GridConfig): boolean =>
  one.provider === other.provider && addressOf(one) === addressOf(other);

/** Asks a provider with what the form holds, deployed or not. One at a time: a button can be pressed often. */
let running: Promise<ConnectionReport> | null = null;
export async function testFromForm(request: AdminRequest): Promise<ConnectionReport> {
  const { id, config, credentials } = parseAtTheDoor(requestSchema, request.body, 'INVALID_MESSAGE', 'The request');
  const parsed = parseAtTheDoor(gridNodeConfig, config, 'INVALID_CONFIG', 'The form');
  if (running !== null) throw new EcomapError('INVALID_MESSAGE', 'A test is running: wait for its answer.');
  const deployed = id === undefined ? null : request.resource<GridConnection>(id, 'grid-connection');
  const known = Object.entries(credentials).filter(([, value]) => value !== storedMark || deployed !== null);
  running =
    deployed === null
      ? testConnection(parsed, {
          now: Date.now,
          stateDirectory: request.stateDirectory,
          secrets: Object.fromEntries(known),
        })
      : deployed.test(parsed, credentials, request.stateDirectory);
  try {
    return await running;
  } finally {
    running = null;
  }
}
