import assert from 'node:assert/strict';
import { playOrder } from '../../../bench/loop-real/rounds';

const policies = ['a', 'b', 'c', 'd'];
const zones = ['x', 'y', 'z'];

describe('the order in which policies are played', () => {
  it('plays each policy once in each round, and each zone once in each pass', () => {
    const rounds = playOrder(policies, zones, 3, 1);
    assert.equal(rounds.length, 9);
    for (const { policies: played } of rounds) assert.deepEqual(played.toSorted(), policies);
    for (const pass of [1, 2, 3]) {
      const inPass = rounds.filter(({ round }) => round === pass).map(({ zone }) => zone);
      assert.deepEqual(inPass.toSorted(), zones);
    }
  });

  it('goes through every second pass backwards, so that a steady drift hits all policies alike in each zone', () => {
    const rounds = playOrder(policies, zones, 4, 7);
    const played = rounds.flatMap(({ zone, policies: inTurn }) => inTurn.map((policy) => ({ zone, policy })));
    const meanPlace = (zone: string, policy: string): number => {
      const places = played.flatMap((day, place) => (day.zone === zone && day.policy === policy ? [place] : []));
      return places.reduce((sum, place) => sum + place, 0) / places.length;
    };
    for (const zone of zones)
      for (const policy of policies) assert.equal(meanPlace(zone, policy), (played.length - 1) / 2);
  });

  it('draws the same order from the same seed, and others from others', () => {
    assert.deepEqual(playOrder(policies, zones, 2, 3), playOrder(policies, zones, 2, 3));
    const orders = Array.from({ length: 20 }, (_, seed) => playOrder(policies, ['x'], 1, seed)[0]?.policies.join(''));
    assert.ok(new Set(orders).size > 5);
  });
});
