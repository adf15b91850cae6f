import { z } from 'zod';
import { modelDescriptionSchema } from '../../models/description/model-description';
import { errorCodes } from '../../signals/errors';
import { operatorListSchema, operatorTimesSchema } from '../../signals/operator-profile';
import { tensorTypes } from '../../signals/tensor';
import type { HostCommand, HostMessage } from '../host/protocol';

// What is said seldom goes as JSON. Its fields are explained in protocol.ts.

export type RareCommand = Exclude<HostCommand, { kind: 'run' }>;
export type RareMessage = Exclude<HostMessage, { of: 'run' }>;

const id = z.number().int().nonnegative();
const model = z.number().int().nonnegative();
const ofFile = { id, path: z.string(), sha256: z.string().nullable() };
const dims = z.array(z.number()).readonly().nullable();
const stage = z.object({
  firstNode: z.number(),
  endNode: z.number().nullable(),
  cacheDirectory: z.string().nullable(),
});

export const rareCommandSchema: z.ZodType<RareCommand> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('load'), ...ofFile, model, stage: stage.optional() }),
  z.object({ kind: z.literal('unload'), id, model }),
  z.object({ kind: z.literal('pace'), id, share: z.number() }),
  z.object({ kind: z.literal('probe'), id }),
  z.object({
    kind: z.literal('profile'),
    ...ofFile,
    dims,
    inputDims: z.record(z.string(), z.array(z.number())).optional(),
    stage: stage.optional(),
    effort: z.enum(['quick', 'thorough']),
  }),
  z.object({ kind: z.literal('rerun'), id, durationMs: z.number(), besideCopy: z.boolean() }),
  z.object({ kind: z.literal('anchor'), id }),
  z.object({ kind: z.literal('stress'), id, durationMs: z.number() }),
  z.object({ kind: z.literal('describe'), ...ofFile, dims }),
  z.object({ kind: z.literal('list-operators'), ...ofFile, dims }),
  z.object({ kind: z.literal('time-operators'), ...ofFile, dims, measureMs: z.number() }),
]);

const usage = z.object({ cpuSeconds: z.number(), rssBytes: z.number() });
const specs = z.array(
  z.object({ name: z.string(), type: z.enum(tensorTypes), dims: z.array(z.union([z.number(), z.string()])) }),
);
const signature = z.object({ inputs: specs, outputs: specs });
const loadAnswer = z.object({
  signature,
  sha256: z.string(),
  loadMs: z.number(),
  memoryBytes: z.number(),
  whole: signature.optional(),
});
const profileAnswer = z.object({
  sha256: z.string(),
  p50Ms: z.number(),
  p90Ms: z.number().nullable(),
  p95Ms: z.number(),
  p99Ms: z.number().nullable(),
  meanMs: z.number(),
  cpuMs: z.number(),
  loadMs: z.number(),
  memoryBytes: z.number(),
  runs: z.number(),
  stable: z.boolean(),
});
const period = { startedMs: z.number(), endedMs: z.number() };

function answerTo<Kind extends RareCommand['kind'], Value extends z.ZodType>(of: Kind, value: Value) {
  return z.object({ kind: z.literal('answer'), of: z.literal(of), id, value, usage });
}

export const rareMessageSchema: z.ZodType<RareMessage> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready'), usage }),
  z.object({ kind: z.literal('failure'), id, code: z.enum(errorCodes), message: z.string(), usage }),
  z.discriminatedUnion('of', [
    answerTo('load', loadAnswer),
    answerTo('unload', z.null()),
    answerTo('pace', z.object({ share: z.number() })),
    answerTo('probe', z.null()),
    answerTo('profile', profileAnswer),
    answerTo('rerun', z.object({ runs: z.number(), p50Ms: z.number(), cpuP50Ms: z.number(), ...period })),
    answerTo('anchor', z.object({ latencyMs: z.number() })),
    answerTo('stress', z.object({ bytes: z.number(), cpuMs: z.number(), ...period })),
    answerTo('describe', modelDescriptionSchema),
    answerTo('list-operators', operatorListSchema),
    answerTo('time-operators', operatorTimesSchema),
  ]),
]);
