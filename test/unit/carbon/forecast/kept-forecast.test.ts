import assert from 'node:assert/strict';
import { KeptForecast } from '../../../../src/carbon/forecast/kept-forecast';
import { pointsFrom, windyGrid } from './support';

describe('kept forecast', () => {
  const grid = windyGrid(10, 4);

  it('is worked out once for what is known', () => {
    const kept = new KeptForecast();
    const first = kept.after(pointsFrom(grid));
    assert.equal(kept.after(pointsFrom(grid)), first);
  });

  it('is worked out again when a value comes, goes or is revised', () => {
    const changes: [string, number[]][] = [
      ['came', [...grid, 300]],
      ['went', grid.slice(0, -1)],
      ['was revised', grid.map((value, hour) => (hour === 100 ? value + 5 : value))],
      ['were exchanged', grid.map((value, hour) => (hour === 50 ? grid[51] : hour === 51 ? grid[50] : value) ?? 0)],
    ];
    for (const [what, changed] of changes) {
      const kept = new KeptForecast();
      const first = kept.after(pointsFrom(grid));
      assert.notEqual(kept.after(pointsFrom(changed)), first, what);
    }
  });
});
