import { z } from 'zod';
import type { NodeMessage } from '../../src/node-red/types';
import { EcomapError } from '../../src/signals/errors';
import type { InferenceRequest } from '../../src/signals/inference';
import { parseAtTheDoor } from '../../src/signals/parse';

const requestFields = z.object({
  tenant: z.string().min(1).optional(),
  /** Milliseconds from now. */
  timeoutMs: z.number().positive().optional(),
  /** Milliseconds since the epoch, or a date. */
  deadline: z
    .union([z.number(), z.date(), z.iso.datetime({ offset: true })])
    .transform((value) => (typeof value === 'number' ? value : new Date(value).getTime()))
    .optional(),
  /** 1 is the highest; 0 means "as usual". */
  priority: z.number().int().min(0).optional(),
});

/** How a later message refers to this one: `msg.requestId`, else its `_msgid`. Null where it has neither. */
export function requestIdOf({ requestId, _msgid }: NodeMessage): string | null {
  const id = requestId ?? _msgid;
  return (typeof id === 'string' && id !== '') || typeof id === 'number' ? String(id) : null;
}

/**
 * What an ordinary message asks for. Of a timeout and a deadline the earlier one counts.
 * @throws EcomapError INVALID_MESSAGE naming the wrong field, or the tenants when none is addressed
 */
export function requestOf(
  message: NodeMessage,
  tenants: readonly string[],
  defaultTenant: string | null,
  nowEpochMs: number,
): InferenceRequest {
  const { tenant, timeoutMs, deadline, priority } = message;
  const fields = parseAtTheDoor(
    requestFields,
    { tenant, timeoutMs, deadline, priority },
    'INVALID_MESSAGE',
    'The request (msg.tenant, msg.timeoutMs, msg.deadline, msg.priority)',
  );
  const addressed = fields.tenant ?? defaultTenant;
  if (addressed === null) {
    throw new EcomapError(
      'INVALID_MESSAGE',
      `msg.tenant is missing: set it to one of ${tenants.join(', ')}, or choose a default tenant in the node.`,
    );
  }
  const ends = [
    ...(fields.timeoutMs === undefined ? [] : [nowEpochMs + fields.timeoutMs]),
    ...(fields.deadline === undefined ? [] : [fields.deadline]),
  ];
  return {
    tenant: addressed,
    payload: message.payload,
    ...(ends.length > 0 ? { deadlineMs: Math.min(...ends) } : {}),
    ...(fields.priority ? { priority: fields.priority } : {}),
  };
}
