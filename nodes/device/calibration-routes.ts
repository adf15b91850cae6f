import type { AdminRequest, AdminRoute } from '../../src/node-red/types';
import { calibrateSchema, type CalibrationStatus } from '../../src/signals/calibration';
import { EcomapError } from '../../src/signals/errors';
import { parseAtTheDoor } from '../../src/signals/parse';
import type { CalibrationOffer, CalibrationOffers } from '../shared/calibration-offers';

/** What the open form of a device asks for again and again; plain JSON. */
export interface CalibrationOfDevice {
  /** False: the device is not deployed, so nobody can offer anything. */
  readonly deployed: boolean;
  /** Who measures with which tenants; null when no mapping-estimator uses the device. */
  readonly offer: Omit<CalibrationOffer, 'calibration'> | null;
  readonly status: CalibrationStatus | null;
}

const offersOf = (request: AdminRequest): CalibrationOffers | null =>
  request.resource<CalibrationOffers>(request.params['id'] ?? '', 'calibrations');

function stateOf(offers: CalibrationOffers | null): CalibrationOfDevice {
  const current = offers?.current() ?? null;
  if (current === null) return { deployed: offers !== null, offer: null, status: null };
  const { calibration, ...offer } = current;
  return { deployed: true, offer, status: calibration.status() };
}

const path = '/ecomap/device/:id/calibration';

/** How the calibration of a deployed device gets on, and its start and end by the button in the form. */
export const calibrationRoutes: readonly AdminRoute[] = [
  { method: 'get', path, permission: 'ecomap-device.read', handle: (request) => stateOf(offersOf(request)) },
  {
    method: 'post',
    path,
    permission: 'ecomap-device.write',
    handle(request) {
      const { action, samples } = parseAtTheDoor(calibrateSchema, request.body, 'INVALID_MESSAGE', 'the request');
      const offers = offersOf(request);
      const offer = offers?.current() ?? null;
      if (offers === null || offer === null) {
        throw new EcomapError(
          'INVALID_CONFIG',
          'no mapping-estimator uses this device: choose the device in one, with its tenants, and deploy',
        );
      }
      if (action === 'start') offers.start(offer, samples);
      else offer.calibration.cancel();
      return stateOf(offers);
    },
  },
];
