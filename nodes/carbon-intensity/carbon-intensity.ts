import type { GridResource } from '../../src/carbon/shared-source';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeStatus } from '../../src/node-red/types';
import type { CarbonReading } from '../../src/signals/carbon';
import { EcomapError } from '../../src/signals/errors';
import { topicOf } from '../../src/signals/message';
import { carbonIntensityConfig } from './config';

/** Late enough for the other nodes of the flow to be there. */
const firstReadMs = 100;
/** Where values come by message, the flow gets the time to send its first. */
const firstReadOfMessagesMs = 2000;
const leastIntervalMs = 250;

function statusOf(reading: CarbonReading): NodeStatus {
  if (reading.intensityGPerKwh === null) return { fill: 'red', shape: 'ring', key: 'status.unknown' };
  // A provider that itself forecasts the running interval (GB does) is in order; a reading that needs a reason is not.
  const inOrder =
    ['measured', 'estimated', 'simulated', 'injected'].includes(reading.quality) ||
    (reading.quality === 'forecast' && reading.why.length === 0);
  const values = { intensity: Math.round(reading.intensityGPerKwh) };
  return { fill: inOrder ? 'green' : 'yellow', shape: 'dot', key: 'status.reading', values };
}

const sameAs = (a: CarbonReading, b: CarbonReading | null): boolean =>
  b !== null &&
  a.intensityGPerKwh === b.intensityGPerKwh &&
  a.quality === b.quality &&
  a.suspect === b.suspect &&
  a.provider === b.provider &&
  a.zone === b.zone &&
  // What the provider has stated anew about the past is news, too.
  (a.revised === undefined || a.fetchedAt === b.fetchedAt);

/** What a message may hold that is meant as a value, not only as the wish for a reading. */
const isValue = (payload: unknown): boolean =>
  typeof payload === 'number' ||
  (typeof payload === 'string' && payload.trim() !== '') ||
  (typeof payload === 'object' && payload !== null && !Array.isArray(payload) && !Buffer.isBuffer(payload));

/** Reads the carbon intensity of a grid, by itself and on demand. */
export default defineNode({
  type: 'ecomap-carbon-intensity',
  config: carbonIntensityConfig,
  start(node) {
    const { config } = node;
    const grid = node.resource<GridResource>(config.grid, 'grid');
    let sent: CarbonReading | null = null;
    /** Code of the trouble that was told last, so that each change of state is told once. */
    let told: string | null = null;

    /** Resolves with the reading, and with what should reach Catch: nothing known at all, or the provider's trouble. */
    const read = async (): Promise<{ reading: CarbonReading; trouble: EcomapError | null; isNew: boolean }> => {
      const reading = await grid.read();
      node.status(statusOf(reading));
      const code = grid.trouble?.code ?? null;
      const isNew = code !== told;
      if (isNew && grid.trouble !== null) node.warn(node.text('log.trouble', { reason: reading.why.join('; ') }));
      if (isNew && grid.trouble === null) node.log(node.text('log.recovered', { provider: grid.provider }));
      told = code;
      const unknown =
        reading.intensityGPerKwh === null
          ? new EcomapError(
              'CARBON_UNKNOWN',
              `The carbon intensity of ${grid.zone} is unknown: ${reading.why.join('; ')}`,
            )
          : null;
      return { reading, trouble: unknown ?? grid.trouble, isNew };
    };

    const poll = async (): Promise<void> => {
      try {
        const { reading, trouble, isNew } = await read();
        const message = { topic: topicOf('carbon'), payload: structuredClone(reading) };
        if (!config.onlyOnChange || !sameAs(reading, sent)) node.send({ ...message });
        sent = reading;
        if (isNew && trouble !== null) node.error(trouble, message);
      } finally {
        const intervalMs = config.intervalS > 0 ? config.intervalS * 1000 : grid.pollIntervalMs;
        node.after(Math.max(leastIntervalMs, intervalMs), poll);
      }
    };

    node.status({ fill: 'blue', shape: 'dot', key: 'status.waiting' });
    node.after(grid.inject === null ? firstReadMs : firstReadOfMessagesMs, poll);

    return {
      async input(message, send) {
        if (grid.inject !== null && isValue(message.payload)) grid.inject(message.payload);
        const { reading, trouble } = await read();
        sent = reading;
        message.topic = topicOf('carbon');
        // Other nodes on this grid hold the same reading; a flow may change what it receives.
        message.payload = structuredClone(reading);
        send(message);
        if (trouble !== null) throw trouble;
      },
    };
  },
});
