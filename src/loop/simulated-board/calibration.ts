import { knownNetworks } from '../../mapping/calibration/known-networks';
import type { ProfileTable } from '../../mapping/profiles/table';
import { createDevice } from '../../power/device';
import type { Tenant } from '../../signals/tenant';
import { Random } from '../../simulation/random';
import { learnDevice, type DemoCalibration } from '../demo-calibration';
import type { LoopBoard } from './board';
import { BoardCoLocations } from './runner';

export interface BoardCalibrationOptions {
  readonly board: LoopBoard;
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileTable;
  readonly stateDirectory: string;
  /** Co-locations to measure. */
  readonly samples: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** The product's calibration on a simulated board, half of it at slower clocks. @throws EcomapError as it fails */
export async function calibrateBoard(options: BoardCalibrationOptions): Promise<DemoCalibration> {
  const { board, tenants, profiles, stateDirectory, samples, seed, say } = options;
  const device = createDevice(board.describe());
  const { components, operatingPoints } = device;
  const random = new Random(seed + 31);
  try {
    return await learnDevice(
      {
        device: {
          ...{ components, operatingPoints, mayChangeClocks: true },
          fingerprint: `${device.fingerprint} ${seed}`,
          operatingPointInForce: () => device.operatingPointInForce(),
          applyCap: (capW, request) => device.applyCap(capW, request),
          releaseCap: (holder) => device.releaseCap(holder),
        },
        ...{ stateDirectory, seed },
        profile: () => Promise.resolve(knownNetworks(device, tenants, profiles).networks),
        openRunner: () => new BoardCoLocations(board, device, tenants, random),
      },
      samples,
      say,
    );
  } finally {
    await device.close();
  }
}
