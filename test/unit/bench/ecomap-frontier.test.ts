import assert from 'node:assert/strict';
import { Frontier, leastCarbon } from '../../../bench/ecomap/frontier';

const frontier = new Frontier([
  { item: 'heavy', loss: 0, powerW: 20 },
  { item: 'wasteful', loss: 0.01, powerW: 19 },
  { item: 'middle', loss: 0.02, powerW: 12 },
  { item: 'light', loss: 0.1, powerW: 8 },
  { item: 'worse', loss: 0.12, powerW: 9 },
]);
const hour = (intensityGPerKwh: number) => ({ intensityGPerKwh, durationS: 3600 });

describe('the frontier of plans', () => {
  it('holds what some price makes the best', () => {
    assert.deepEqual(
      frontier.vertices.map(({ item }) => item),
      ['heavy', 'middle', 'light'],
    );
    assert.equal(frontier.at(Infinity).item, 'heavy');
    assert.equal(frontier.at(100).item, 'middle');
    assert.equal(frontier.at(0).item, 'light');
  });

  it('reaches what lies between two plans by running them in turns', () => {
    assert.equal(frontier.powerAt(0.01), 16);
    assert.equal(frontier.powerAt(1), 8);
  });

  it('gives accuracy up in the dirtiest hours first, and never saves less than a constant mix', () => {
    const steps = [hour(100), hour(500)];
    const { carbonG, loss } = leastCarbon(frontier, steps, 0.01);
    assert.ok(Math.abs(loss - 0.01) < 1e-12);
    // All of it in the dirty hour: 20 W at 100 g/kWh and 12 W at 500.
    assert.ok(Math.abs(carbonG - (20 * 0.1 + 12 * 0.5)) < 1e-9);
    assert.ok(carbonG < 16 * 0.6);
  });

  it('gains nothing from the time where the grid is flat', () => {
    const { carbonG } = leastCarbon(frontier, [hour(300), hour(300)], 0.01);
    assert.ok(Math.abs(carbonG - 16 * 0.6) < 1e-9);
  });
});
