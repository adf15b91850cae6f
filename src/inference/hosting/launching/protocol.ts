import { z } from 'zod';
import type { HostLaunch } from './host-launch';

/** What a launcher is asked to do; `number` is what the asker calls the host. */
export type LauncherCommand =
  | { readonly kind: 'launch'; readonly number: number; readonly launch: HostLaunch }
  | { readonly kind: 'kill'; readonly number: number };

const number = z.number().int().positive();

/** What a launcher tells of its hosts. With `started` comes the host's channel, as the handle of the message. */
export const launcherMessageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('started'), number, pid: z.number().int().positive() }),
  z.object({ kind: z.literal('said'), number, text: z.string() }),
  z.object({ kind: z.literal('ended'), number, how: z.string() }),
]);
export type LauncherMessage = z.output<typeof launcherMessageSchema>;
