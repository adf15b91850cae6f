import assert from 'node:assert/strict';
import { permitWriting, powerPermissionsOf, withinLimits } from '../../../../src/power/safety/power-permissions';
import { isEcomapError } from '../../../../src/signals/errors';

const failsWith =
  (code: string, text: RegExp) =>
  (error: unknown): boolean =>
    isEcomapError(error) && error.code === code && text.test(error.message);

describe('what settings.js permits', () => {
  it('is everything, in a dry run, where it says nothing', () => {
    for (const settings of [undefined, null, {}, { modelRoots: ['/models'] }, { power: {} }]) {
      const permissions = powerPermissionsOf(settings);
      assert.deepEqual(permissions, { minimumW: null, maximumW: null, actuators: null, besideManagers: [] });
      assert.equal(permitWriting('rapl', false, permissions).dryRun, true);
      assert.equal(permitWriting('rapl', true, permissions).dryRun, false);
    }
  });

  it('keeps every cap within its limits', () => {
    const permissions = powerPermissionsOf({ power: { minimumW: 10, maximumW: 30 } });
    assert.deepEqual(
      [5, 10, 17.5, 40].map((capW) => withinLimits(capW, permissions)),
      [10, 10, 17.5, 30],
    );
    assert.equal(withinLimits(-3, powerPermissionsOf({})), 0);
  });

  it('allows only the actuators of its list, and none of an empty one', () => {
    const permissions = powerPermissionsOf({ power: { actuators: ['nvpmodel', 'clocks'] } });
    assert.equal(permitWriting('clocks', true, permissions).dryRun, false);
    assert.throws(() => permitWriting('rapl', true, permissions), failsWith('POWER_DENIED', /nvpmodel, clocks/));
    assert.equal(permitWriting('rapl', false, permissions).dryRun, true, 'a dry run is never refused');
    const none = powerPermissionsOf({ power: { actuators: [] } });
    assert.throws(() => permitWriting('clocks', true, none), failsWith('POWER_DENIED', /none/));
  });

  for (const [what, power] of Object.entries({
    'an unknown actuator': { actuators: ['fan'] },
    'a limit with a typing error': { maxW: 20 },
    'a negative power': { minimumW: -1 },
    'a power in text': { maximumW: '30' },
    'a power that is no number': { maximumW: Number.NaN },
    'limits that cross': { minimumW: 30, maximumW: 10 },
    'a number instead of an object': 30,
  })) {
    it(`refuses ${what} instead of guessing`, () => {
      assert.throws(
        () => powerPermissionsOf({ power }),
        failsWith('INVALID_CONFIG', /settings\.js is not valid: power/),
      );
    });
  }
});
