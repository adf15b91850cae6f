import { z } from 'zod';
import { calibrateSchema, calibrationStatusSchema, type Calibrate, type CalibrationStatus } from './calibration';
import { cancelSchema, type Cancel } from './cancel';
import { capSchema, type Cap } from './cap';
import { carbonReadingSchema, type CarbonReading } from './carbon';
import { EcomapError } from './errors';
import { parseAtTheDoor, quoted } from './parse';
import { planSchema, type Plan } from './plan';
import { receiptSchema, type Receipt } from './receipt';
import { telemetrySchema, type Telemetry } from './telemetry';
import { variantsSchema, type Variants } from './variants';
import { violatedSchema, type Violated } from './violated';

/** What travels on the control wires: `topic: "ecomap/<kind>"`, one object in `payload`. */
export interface ControlPayloads {
  carbon: CarbonReading;
  cap: Cap;
  plan: Plan;
  violated: Violated;
  variants: Variants;
  telemetry: Telemetry;
  receipt: Receipt;
  cancel: Cancel;
  calibrate: Calibrate;
  calibration: CalibrationStatus;
}
export type ControlKind = keyof ControlPayloads;

const schemas: { [Kind in ControlKind]: z.ZodType<ControlPayloads[Kind]> } = {
  carbon: carbonReadingSchema,
  cap: capSchema,
  plan: planSchema,
  violated: violatedSchema,
  variants: variantsSchema,
  telemetry: telemetrySchema,
  receipt: receiptSchema,
  cancel: cancelSchema,
  calibrate: calibrateSchema,
  calibration: calibrationStatusSchema,
};

export const topicOf = (kind: ControlKind): string => `ecomap/${kind}`;

/** The kind of a control message by its topic, or null when it is an ordinary message. */
export function controlKindOf(topic: unknown): ControlKind | null {
  if (typeof topic !== 'string' || !topic.startsWith('ecomap/')) return null;
  const kind = topic.slice('ecomap/'.length);
  return Object.hasOwn(schemas, kind) ? (kind as ControlKind) : null;
}

/**
 * Validates the payload of a control message when it enters a node.
 * @throws EcomapError INVALID_MESSAGE with the path of the wrong field.
 */
export function parseControlPayload<Kind extends ControlKind>(kind: Kind, payload: unknown): ControlPayloads[Kind] {
  return parseAtTheDoor(schemas[kind], payload, 'INVALID_MESSAGE', `the payload of an ${topicOf(kind)} message`);
}

/**
 * Validates a message that must be of one of the given kinds.
 * @throws EcomapError INVALID_MESSAGE, naming what the node understands.
 */
export function parseControlMessage<Kind extends ControlKind>(
  message: { topic?: unknown; payload?: unknown },
  kinds: readonly Kind[],
): { [K in Kind]: { kind: K; payload: ControlPayloads[K] } }[Kind] {
  const kind = kinds.find((candidate) => message.topic === topicOf(candidate));
  if (kind === undefined) {
    const known = kinds.map(topicOf).join(' or ');
    throw new EcomapError('INVALID_MESSAGE', `msg.topic is ${quoted(message.topic)}: this node takes ${known}`);
  }
  return { kind, payload: parseControlPayload(kind, message.payload) } as {
    [K in Kind]: { kind: K; payload: ControlPayloads[K] };
  }[Kind];
}
