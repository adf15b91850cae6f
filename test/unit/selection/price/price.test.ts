import assert from 'node:assert/strict';
import { leastGrams, priceFor, priceSides, type Offer } from '../../../../src/selection/price/price';

/** 10 W at no loss, 6 W at 1 point, 5 W at 2 points, one request per second. */
const offers: Offer[] = [
  {
    tenant: 'inspect',
    ratePerS: 1,
    options: [
      { variant: 'full', lossPt: 0, powerW: 10 },
      { variant: 'small', lossPt: 1, powerW: 6 },
      { variant: 'tiny', lossPt: 2, powerW: 5 },
    ],
  },
];
const hour = (intensityGPerKwh: number, hours = 1) => ({ requests: 3600 * hours, intensityGPerKwh });
const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) <= 1e-6 * Math.max(1, Math.abs(expected)), `${actual}, expected ${expected}`);

describe('price of accuracy', () => {
  it('is what a point saves in the hour that the allowance ends in', () => {
    // A point saves 4 W: in the dirty hour 4 * 400 g/kWh. The allowance is enough for that hour alone.
    near(priceFor(offers, [hour(400), hour(150)], 0.5), (4 * 150) / 3_600_000);
    assert.equal(priceFor(offers, [hour(400), hour(150)], 2), 0);
    assert.equal(priceFor(offers, [hour(400), hour(150)], 0), Infinity);
  });

  it('knows how much of the jump at the price the allowance has room for', () => {
    // The dirty hour and a quarter of the clean one.
    const { gPerPoint, belowGPerPoint, share } = priceSides(offers, [hour(400), hour(150)], 0.625);
    near(gPerPoint, (4 * 150) / 3_600_000);
    assert.ok(belowGPerPoint < gPerPoint);
    near(belowGPerPoint, gPerPoint);
    near(share, 0.25);
    assert.equal(priceSides(offers, [hour(400)], 5).share, 0);
  });

  it('tells the least grams of a time ahead, plans taking turns', () => {
    near(leastGrams(offers, [hour(400), hour(150)], 0.625), 6 * 0.4 + 9 * 0.15);
    near(leastGrams(offers, [hour(400), hour(150)], 0), 10 * 0.55);
    near(leastGrams(offers, [hour(400), hour(150)], 9), 5 * 0.55);
    assert.equal(leastGrams(offers, [], 1), 0);
  });

  it('has no grams to tell where even the most accurate variants lose more than allowed', () => {
    const lossy = offers.map((offer) => ({ ...offer, options: offer.options.slice(1) }));
    assert.equal(leastGrams(lossy, [hour(300)], 0.5), Infinity);
    assert.ok(leastGrams(lossy, [hour(300)], 1) < Infinity);
  });

  it('rises when the time ahead becomes dirtier, and falls when more is allowed', () => {
    const price = (dirty: number, allowedPt: number): number => priceFor(offers, [hour(dirty), hour(200)], allowedPt);
    assert.ok(price(600, 1.2) > price(250, 1.2));
    assert.ok(price(400, 0.3) > price(400, 1.4));
  });
});
