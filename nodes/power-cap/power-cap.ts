import { defineNode } from '../../src/node-red/defineNode';
import type { NodeMessage, NodeStatus } from '../../src/node-red/types';
import type { Device } from '../../src/power/device';
import { isHardware } from '../../src/power/caps/cap-request';
import { KeptBudget } from '../../src/power/policies/kept-budget';
import { PowerCap, type PolicyConfig } from '../../src/power/power-cap';
import { powerPermissionsOf } from '../../src/power/safety/power-permissions';
import type { Cap } from '../../src/signals/cap';
import { controlKindOf, parseControlMessage, topicOf } from '../../src/signals/message';
import { leaveReading, takeReading } from '../shared/reading-handover';
import { powerCapConfig, type PowerCapConfig } from './config';

/** Late enough for the other nodes of the flow to be there. */
const firstTickMs = 250;
/** How often time itself is looked at: a dwell time that is over, an intensity unknown for too long, a limit that slipped. */
const tickMs = 10_000;

function policyOf(config: Readonly<PowerCapConfig>): PolicyConfig {
  const { policy, fixedW, gramsPerDay, bounds, cleanGPerKwh, dirtyGPerKwh, holdUnknownS } = config;
  switch (policy) {
    case 'fixed':
      return { kind: policy, capW: fixedW ?? Number.NaN };
    case 'budget':
      return { kind: policy, gramsPerDay: gramsPerDay ?? Number.NaN };
    case 'external':
      return { kind: policy, staleAfterS: config.staleAfterS };
    case 'quality':
      return { kind: policy, allowancePt: config.allowancePt, within: config.within, holdUnknownS };
    case 'linear':
    case 'two-level': {
      const byHand = bounds === 'manual' && cleanGPerKwh !== null && dirtyGPerKwh !== null;
      return {
        kind: policy,
        bounds: byHand ? { lowGPerKwh: cleanGPerKwh, highGPerKwh: dirtyGPerKwh } : null,
        holdUnknownS,
      };
    }
  }
}

function statusOf(cap: Cap, dryRun: boolean): NodeStatus {
  const values = { capW: cap.capW.toFixed(1), policy: cap.policy };
  if (cap.capUnreachable) return { fill: 'yellow', shape: 'dot', key: 'status.belowIdle', values };
  if (dryRun) return { fill: 'blue', shape: 'ring', key: 'status.dryRun', values };
  if (cap.enforced === 'none') return { fill: 'yellow', shape: 'dot', key: 'status.notHeld', values };
  if (cap.enforced === 'hardware') return { fill: 'green', shape: 'dot', key: 'status.hardware', values };
  return { fill: 'green', shape: 'dot', key: 'status.cap', values };
}

const differs = (a: Cap, b: Cap | null): boolean =>
  a.capW !== b?.capW || a.enforced !== b.enforced || a.operatingPoint.name !== b.operatingPoint.name;

/** How much power the device may draw, by the policy that was chosen, put into force and read back. */
export default defineNode({
  type: 'ecomap-power-cap',
  config: powerCapConfig,
  start(node) {
    const { config } = node;
    const isDryRun = config.actuator === 'none' || (isHardware(config.actuator) && !config.apply);
    const keptBudget = new KeptBudget(node.stateDirectory, node.id, (text) => node.warn(text));
    const powerCap = new PowerCap({
      device: node.resource<Device>(config.device, 'device'),
      policy: policyOf(config),
      limits: { minimumW: config.minimumW, maximumW: config.maximumW },
      hardLimits: powerPermissionsOf(node.settings),
      leastChangeW: config.leastChangeW,
      leastDwellS: config.leastDwellS,
      actuator: config.actuator,
      apply: config.apply,
      guardBand: config.guardBandPct / 100,
      reading: takeReading(node.id),
      keptBudget,
    });
    const show = (cap: Cap): void => {
      node.status(statusOf(cap, isDryRun));
    };
    let reported = '';

    const tick = async (): Promise<void> => {
      if (!powerCap.canTick) return;
      const before = powerCap.cap;
      const cap = await powerCap.tick();
      show(cap);
      if (differs(cap, before)) node.send({ topic: topicOf('cap'), payload: structuredClone(cap) });
      const problem = powerCap.problem?.message ?? '';
      if (powerCap.problem !== null && problem !== reported) node.error(powerCap.problem);
      reported = problem;
    };

    const answerTo = (message: NodeMessage): Promise<Cap | null> => {
      // The policy `external` takes plain numbers: any topic but those of the loop, as an inject node sends them.
      const { payload } = message;
      if (controlKindOf(message.topic) === null && typeof payload === 'number') return powerCap.onLimit(payload);
      const control = parseControlMessage(message, ['carbon', 'plan']);
      return control.kind === 'plan' ? powerCap.onPlan(control.payload) : powerCap.onCarbon(control.payload);
    };

    node.status({ fill: 'blue', shape: 'dot', key: 'status.waiting' });
    node.after(firstTickMs, tick);
    node.every(tickMs, tick);

    return {
      async input(message, send) {
        const cap = await answerTo(message);
        // A plan that asks for nothing new.
        if (cap === null) return;
        const { problem } = powerCap;
        show(cap);
        message.topic = topicOf('cap');
        // A flow may change what it receives; the device's own operating points must not change with it.
        message.payload = structuredClone(cap);
        send(message);
        reported = problem?.message ?? '';
        if (problem !== null) throw problem;
      },
      async close(removed) {
        if (!removed) leaveReading(node.id, powerCap.newestReading);
        await powerCap.release();
        if (removed) await keptBudget.forget();
      },
    };
  },
});
