import { DeferredRequests } from '../../src/carbon/deferral/deferred-requests';
import { InferenceExecutor } from '../../src/inference/executor';
import type { ServingDevice } from '../../src/inference/energy';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeContext, NodeMessage, Send } from '../../src/node-red/types';
import type { InferenceRequest } from '../../src/signals/inference';
import { controlKindOf, parseControlMessage, topicOf } from '../../src/signals/message';
import { quoted } from '../../src/signals/parse';
import { chosenTenants } from '../shared/chosen-tenants';
import { inferenceExecutorConfig, type InferenceExecutorConfig } from './config';
import { inferDeferred, mayWaitMs } from './deferring';
import { ProblemReport, type TenantResource } from './problem-report';
import { OpenRequests } from './open-requests';
import { requestIdOf, requestOf } from './request';
import { statusOf } from './status';

/** Rates and states on the canvas are refreshed this often. */
const statusIntervalMs = 2000;
/** How often it is looked whether the time of requests that wait for a cleaner grid has come. */
const deferralLookMs = 2000;

function defaultTenantOf(node: NodeContext<InferenceExecutorConfig>, names: readonly string[]): string | null {
  const id = node.config.defaultTenant;
  if (id === '') return names.length === 1 ? (names[0] ?? null) : null;
  try {
    return node.resource<TenantResource>(id, 'tenant').tenant.name;
  } catch (error) {
    // The others go on: only messages without msg.tenant have nobody to turn to.
    node.error(error);
    return null;
  }
}

/** Runs the tenants' models: requests in, results on output 1, telemetry on output 2, plans applied meanwhile. */
export default defineNode({
  type: 'ecomap-inference-executor',
  config: inferenceExecutorConfig,
  start(node) {
    const device = node.resource<ServingDevice>(node.config.device, 'device');
    const tenants = chosenTenants(node);
    const names = tenants.map(({ name }) => name);
    const defaultTenant = defaultTenantOf(node, names);
    const { hostMemoryLimitMb, recycleHours, recycleGrowthMb } = node.config;
    const executor = new InferenceExecutor({
      device,
      tenants,
      queueLength: node.config.queueLength,
      stateDirectory: node.stateDirectory,
      ...(hostMemoryLimitMb === null ? {} : { hostMemoryLimitMb }),
      recycle: { afterHours: recycleHours, growthMb: recycleGrowthMb },
      log: { info: (text) => node.debug(text), warn: (text) => node.warn(text) },
    });

    let answered = 0;
    let answersPerS = 0;
    const showStatus = (): void =>
      node.status(statusOf(executor.state(), tenants, answersPerS, (key) => node.text(key)));
    executor.on('change', showStatus);
    const report = new ProblemReport(node);
    executor.on('problem', (error, tenant) => {
      report.cannotServe(error, tenant).catch((failure: unknown) => node.error(failure));
    });
    executor.on('unused', (error) => node.error(error, { topic: 'ecomap/device' }));
    node.every(statusIntervalMs, () => {
      answersPerS = answered / (statusIntervalMs / 1000);
      answered = 0;
      showStatus();
    });
    node.every(node.config.telemetryS * 1000, () => {
      node.send([null, { topic: topicOf('telemetry'), payload: executor.takeTelemetry() }]);
    });
    showStatus();
    executor.start().catch((error: unknown) => {
      node.error(error, { topic: 'ecomap/tenant' });
    });

    const open = new OpenRequests();
    const deferred = new DeferredRequests({
      clock: () => performance.now(),
      epochMs: Date.now,
      roomOf: (tenant) => executor.roomOf(tenant),
    });
    node.every(deferralLookMs, () => deferred.look());
    const control = async (message: NodeMessage): Promise<void> => {
      const { kind, payload } = parseControlMessage(message, ['plan', 'carbon', 'cancel']);
      if (kind === 'carbon') {
        executor.onCarbon(payload);
        deferred.onCarbon(payload);
        return;
      }
      if (kind === 'cancel') {
        const taken = open.cancel(payload.requestId);
        if (taken === 0) node.debug(`nothing to cancel: no request ${quoted(payload.requestId)} is open`);
        return;
      }
      const { applied, swaps, why } = await executor.applyPlan(payload);
      node.debug(`plan ${payload.planId}: ${applied ? `applied, ${swaps} swaps` : 'not applied'}; ${why.join('; ')}`);
    };
    const infer = async (message: NodeMessage, send: Send): Promise<void> => {
      const request = requestOf(message, names, defaultTenant, Date.now());
      const waitMs = mayWaitMs(
        message,
        tenants.find(({ name }) => name === request.tenant),
      );
      const { payload, account } = await open.run(requestIdOf(message), (signal) => {
        const run = (now: InferenceRequest) => executor.infer({ ...now, signal });
        return waitMs === null ? run(request) : inferDeferred(deferred, request, waitMs, signal, run);
      });
      answered += 1;
      message.payload = payload;
      message.ecomap = account;
      send([message, null]);
    };

    return {
      input: (message, send) => (controlKindOf(message.topic) === null ? infer(message, send) : control(message)),
      close: () => executor.close(),
    };
  },
});
