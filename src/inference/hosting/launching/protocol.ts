import { z } from 'zod';
import { componentSchema } from '../../../signals/device';

const number = z.number().int().positive();

/** What a launcher is asked to do; `number` is what the asker calls the host. */
export const launcherCommandSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('launch'),
    number,
    launch: z.object({
      entry: z.object({ script: z.string(), execArgv: z.array(z.string()) }),
      component: componentSchema,
      slotDirectory: z.string(),
      pinned: z.boolean(),
    }),
  }),
  z.object({ kind: z.literal('kill'), number }),
]);
export type LauncherCommand = z.output<typeof launcherCommandSchema>;

/** What a launcher tells of its hosts. With `started` comes the host's channel, as the handle of the message. */
export const launcherMessageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('started'), number, pid: z.number().int().positive() }),
  z.object({ kind: z.literal('said'), number, text: z.string() }),
  z.object({ kind: z.literal('ended'), number, how: z.string() }),
]);
export type LauncherMessage = z.output<typeof launcherMessageSchema>;
