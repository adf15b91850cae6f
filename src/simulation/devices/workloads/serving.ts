import type { Random } from '../../random';
import type { ClockState } from '../boards/board';
import type { DeviceModel, Placement } from '../model/device-model';
import { unitNames, type UnitName } from '../model/latency';
import { simulateHost, type RequestStream, type StreamResult } from './requests';

/** A network on a unit of a simulated device, and who asks it. */
export interface ServedNetwork {
  readonly network: string;
  readonly unit: UnitName;
  readonly asks: RequestStream['asks'];
  /** Of its run times. */
  readonly random: Random;
  /** 1 is the highest. */
  readonly priority: number;
}

/** What a simulated device did over a stretch of time. */
export interface BoardRun {
  /** In the order of the question. */
  readonly networks: readonly StreamResult[];
  /** Mean of the module, W: without a sensor's error. */
  readonly powerW: number;
  readonly busy: Readonly<Record<UnitName, number>>;
}

/**
 * Networks that share a simulated device, request by request, as the executor runs them: one host per unit, one run at a time, highest
 * priority first. How much the units slow each other down over the memory is the mean value of the device's model at the rates of
 * answers, and these depend on it: `ratePerS` says which ones to begin with, and clients that wait for answers are simulated twice.
 * @param open makes the networks with their requests from the beginning, each time the same
 * @param clocks in force all the time
 * @param ratePerS answers per second of each network to begin with; null: not known
 */
export function serveOnBoard(
  model: DeviceModel,
  clocks: ClockState,
  open: () => readonly ServedNetwork[],
  horizonS: number,
  ratePerS: readonly number[] | null,
): BoardRun {
  let rates = ratePerS;
  if (rates === null) {
    const first = open();
    rates = answersPerS(runOnce(model, clocks, first, horizonS, null), horizonS);
  }
  const networks = open();
  const placed = (perS: readonly number[]): Placement[] =>
    networks.map(({ network, unit }, at) => ({ network, stages: [{ unit }], ratePerS: perS[at] ?? 0 }));
  const { memorySlowdown } = model.run(placed(rates), clocks);
  const results = runOnce(model, clocks, networks, horizonS, memorySlowdown);
  const outcome = model.run(placed(answersPerS(results, horizonS)), clocks);
  return { networks: results, powerW: outcome.powerW, busy: outcome.busy };
}

const answersPerS = (results: readonly StreamResult[], horizonS: number): number[] =>
  results.map(({ latencyS }) => latencyS.length / horizonS);

function runOnce(
  model: DeviceModel,
  clocks: ClockState,
  networks: readonly ServedNetwork[],
  horizonS: number,
  memorySlowdown: Readonly<Record<UnitName, number>> | null,
): StreamResult[] {
  const nothing: StreamResult = { latencyS: new Float64Array(0), offered: 0, refused: 0 };
  const results = networks.map(() => nothing);
  for (const unit of unitNames) {
    const here = networks.flatMap((served, at) => (served.unit === unit ? [{ served, at }] : []));
    const streams = here.map(({ served: { network, asks, random, priority } }): RequestStream => {
      const aloneMs = model.latencyMs(network, unit, clocks);
      if (aloneMs === null) throw new RangeError(`${network} does not run on ${unit}`);
      return { serviceS: (aloneMs * (memorySlowdown?.[unit] ?? 1)) / 1000, random, asks, priority };
    });
    simulateHost(streams, horizonS).forEach((result, index) => (results[here[index]?.at ?? 0] = result));
  }
  return results;
}
