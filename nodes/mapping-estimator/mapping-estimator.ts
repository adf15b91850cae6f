import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ModelInspectorProcess } from '../../src/inference/model-inspector';
import { ProfileRunnerProcess } from '../../src/inference/profile-runner';
import { admit } from '../../src/mapping/admission';
import { wantedEstimatorOf } from '../../src/mapping/calibration/wanted-estimator';
import { MappingPlanner } from '../../src/mapping/planner';
import { PlannerProcess } from '../../src/mapping/planner/planner-process';
import { PlanningLoop } from '../../src/mapping/planning-loop';
import { MeasuredSoFar } from '../../src/mapping/profiles/measured-so-far';
import { ensureProfiles } from '../../src/mapping/profiles/profiling';
import { recallSensitivities } from '../../src/mapping/profiles/sensitivities';
import { recallStageProfiles } from '../../src/mapping/profiles/stage-profiling';
import { ProfileStore } from '../../src/mapping/profiles/store';
import { ProfileTable, type ProfileLookup } from '../../src/mapping/profiles/table';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeMessage } from '../../src/node-red/types';
import { parseControlMessage, topicOf } from '../../src/signals/message';
import type { Source } from '../../src/signals/quantities';
import type { CalibrationOffers } from '../shared/calibration-offers';
import { chosenTenants } from '../shared/chosen-tenants';
import { importedCosts } from '../shared/imported-costs';
import { Calibrating } from './calibrating';
import { ChangeLog } from './change-log';
import { mappingEstimatorConfig } from './config';
import { openCalibration, type CalibratedDevice } from './device-calibration';
import { reportExcluded } from './excluded';
import { PlanStatus } from './plan-status';
import { ProfilingWatch } from './profiling-watch';

/** Requests that were answered so long ago disturb no measurement any more. */
const servingForMs = 15_000;

/** Measures the tenants' variants once, then answers each cap with a plan: output 1 plans, output 2 what they break. */
export default defineNode({
  type: 'ecomap-mapping-estimator',
  config: mappingEstimatorConfig,
  start(node) {
    const device = node.resource<CalibratedDevice>(node.config.device, 'device');
    const offers = node.resource<CalibrationOffers>(node.config.device, 'calibrations');
    const tenants = chosenTenants(node);
    const warn = (text: string): void => node.warn(text);

    const planStatus = new PlanStatus({
      show: (status) => calibrating.showPlanning(status),
      warn,
      text: (key) => node.text(key),
    });
    const changeLog = new ChangeLog({
      log: (text) => node.log(text),
      clock: () => performance.now(),
      after: (delayMs, action) => node.after(delayMs, action),
    });
    const solver = new PlannerProcess({
      estimator: { kind: node.config.estimator === 'auto' ? 'shipped' : 'analytic' },
      onProblem: (error) => node.error(error, { topic: topicOf('plan') }),
      onCoverage: (coverage, refreshed) => planStatus.onCoverage(coverage, refreshed),
      onIntervals: (intervals) => calibration.keepIntervals(intervals),
    });
    let planner: MappingPlanner | null = null;
    /** How the power was known to the calibration that the bound of power is from; null without one. */
    let calibratedPower: Source | null = null;
    const planWith = (profiles: ProfileLookup): void => {
      planner = new MappingPlanner({ device, tenants, profiles, solver, recallsSteady: true, clock: Date.now });
      loop.start(planner);
    };
    const { trialWindows } = node.config;
    const loop = new PlanningLoop<NodeMessage>({
      selectorWaitMs: node.config.selectorWaitMs,
      clock: () => performance.now(),
      after: (delayMs, action) => node.after(delayMs, action),
      ...(trialWindows > 0 && { trials: { windows: trialWindows, most: 3 } }),
      onPlan: (plan) => planStatus.onPlan(plan),
      isDisturbed: () => offers.isUnderWay,
      onMeasured(plan, measured) {
        const sample = planner?.sampleOf(plan, measured) ?? null;
        if (sample === null) return;
        solver.observe(sample, measured.powerSource === calibratedPower);
        void calibration.learnFrom(sample, measured.powerSource);
      },
      sendPlan(plan, message) {
        node.debug(plan.why.join('; '));
        if (plan.change !== undefined) changeLog.say(plan.change.text);
        node.send([Object.assign(message ?? {}, { topic: topicOf('plan'), payload: plan }), null]);
      },
      sendViolated: node.isWired(1)
        ? (violated, message) => node.send([null, { ...message, topic: topicOf('violated'), payload: violated }])
        : null,
      onError: (error, message) => node.error(error, message ?? { topic: topicOf('plan') }),
    });

    const stopWatching = offers.watch(() => loop.onDisturbance());

    const store = new ProfileStore({ directory: join(node.stateDirectory, 'ecomap', 'profiles'), warn });
    const runner = new ProfileRunnerProcess();
    const closing = new AbortController();
    const table = new ProfileTable();
    const profilingWatch = new ProfilingWatch();
    let servedAtMs = -Infinity;
    const calibration = openCalibration({
      node,
      device,
      tenants,
      table,
      store,
      profiling: profilingWatch,
      isServing: () => performance.now() - servedAtMs < servingForMs,
      onCalibrated(calibrated) {
        if (node.config.estimator !== 'auto') return;
        calibratedPower = calibrated.summary.powerSource;
        solver.setEstimator(wantedEstimatorOf(calibrated));
        loop.replan();
      },
      onRefreshed(intervals) {
        if (node.config.estimator !== 'auto') return;
        solver.setEstimator({ kind: 'shipped', intervals });
        loop.replan();
      },
    });
    const calibrating = new Calibrating({
      node,
      offers,
      offer: {
        by: node.label,
        tenants: tenants.map(({ name }) => name),
        samples: node.config.calibrationSamples,
        calibration,
      },
    });
    let early = false;
    /** Plans with the light variants as soon as each tenant has one that is measured, instead of leaving the heaviest in place. */
    const planEarly = (): void => {
      const profiles = new MeasuredSoFar(table, device.components);
      if (early || closing.signal.aborted || admit(tenants, profiles).candidacies.length < tenants.length) return;
      early = true;
      planWith(profiles);
    };
    const profile = async (): Promise<void> => {
      // Not before the whole flow is there: Catch nodes hear nothing while nodes are still being made.
      await setImmediate();
      if (closing.signal.aborted) return;
      solver.prepare();
      try {
        await ensureProfiles({
          device,
          tenants,
          table,
          store,
          runner,
          imported: importedCosts(node, device),
          warn,
          signal: closing.signal,
          onProgress(progress) {
            const { done, total } = progress;
            profilingWatch.tell(progress);
            calibrating.showPlanning({ fill: 'blue', shape: 'dot', key: 'status.profiling', values: { done, total } });
          },
          onMeasure: planEarly,
          onExcluded: (error, tenant) => {
            reportExcluded(node, error, tenant).catch((failure: unknown) => node.error(failure));
          },
        });
      } catch (error) {
        if (closing.signal.aborted) return;
        // Plans without profiles still say who runs where; they say themselves that nothing was measured.
        node.error(error, { topic: 'ecomap/tenant' });
      }
      if (closing.signal.aborted) return;
      planWith(table);
      // The plans that follow know what the variants compute, and what was measured of their stages and in company.
      const inspector = new ModelInspectorProcess({
        stateDirectory: node.stateDirectory,
        warn,
        signal: closing.signal,
      });
      const known = { device, tenants, table, store, warn, signal: closing.signal };
      try {
        await recallStageProfiles({ ...known, describe: (request) => inspector.describe(request) });
        await recallSensitivities(known);
        if (!closing.signal.aborted) loop.replan();
      } catch (error) {
        if (!closing.signal.aborted) throw error;
      }
    };
    const profiling = profile()
      .catch((error: unknown) => node.error(error))
      .finally(() => profilingWatch.end());

    return {
      input(message) {
        const { kind, payload } = parseControlMessage(message, ['cap', 'variants', 'telemetry', 'calibrate']);
        if (kind === 'cap') loop.onCap(payload, message);
        else if (kind === 'variants') loop.onVariants(payload, message);
        else if (kind === 'calibrate') return calibrating.onMessage(payload, message);
        else {
          if (payload.tenants.some(({ offered }) => offered > 0)) servedAtMs = performance.now();
          loop.onTelemetry(payload);
        }
      },
      async close() {
        closing.abort();
        stopWatching();
        loop.close();
        changeLog.flush();
        calibrating.close();
        await Promise.all([runner.close(), solver.close(), calibration.close()]);
        await profiling;
      },
    };
  },
});
