import assert from 'node:assert/strict';
import { MappingPlanner } from '../../../../src/mapping/planner';
import { QualityPolicy } from '../../../../src/power/policies/quality';
import { VariantSelector } from '../../../../src/selection/selector';
import { violatedSchema } from '../../../../src/signals/violated';
import { variantsSchema, type Variants } from '../../../../src/signals/variants';
import {
  cap,
  components,
  device,
  fourVariants,
  operatingPoint,
  profiles,
  telemetry,
  tenant,
  tenantWindow,
} from '../../../support/planning-fixtures';
import { reading } from '../../power/fakes';

const parts = components(2);
const point = operatingPoint(parts);
const hourMs = 3_600_000;
const beginMs = Date.UTC(2026, 0, 5);
const dirtyHalf = (hour: number): number => (hour % 24 >= 12 ? 600 : 200);

describe('policy, planner and selector', () => {
  it('give up accuracy in the dirty half of the day, give it back in the clean one, and say why', async () => {
    const tenants = [
      tenant('inspect', fourVariants, { arrivalRatePerS: 8, priority: 1 }),
      tenant('gauge', fourVariants, { arrivalRatePerS: 5, priority: 2 }),
      tenant('pinned', fourVariants, { arrivalRatePerS: 1, override: { mode: 'pin', variant: 'full' } }),
    ];
    let nowMs = 0;
    const planner = new MappingPlanner({
      device: device(parts),
      tenants,
      profiles: profiles(tenants),
      clock: () => beginMs + nowMs,
    });
    const selector = new VariantSelector({ tenants, clock: () => nowMs });
    const policy = new QualityPolicy({ allowancePt: 1, within: 'highest', holdUnknownS: 900 });
    const time = (hour: number): string => new Date(beginMs + hour * hourMs).toISOString();
    const answers: Variants[] = [];
    const lossPt = { clean: 0, dirty: 0 };

    for (let hour = 0; hour < 48; hour += 0.5) {
      nowMs = hour * hourMs;
      const forecast = Array.from({ length: 48 }, (_, at) => ({
        validFrom: time(hour + at / 2),
        validTo: time(hour + (at + 1) / 2),
        intensityGPerKwh: dirtyHalf(hour + at / 2),
      }));
      const fields = { validFrom: time(hour), validTo: time(hour + 0.5), forecast };
      const { quality } = policy.decide(reading(dirtyHalf(hour), fields), { minimumW: 5, maximumW: 17 }, nowMs);
      assert.ok(quality);
      let round = await planner.onCap(cap(17, point, { policy: 'quality', quality }));
      for (let turns = 0; ; turns += 1) {
        assert.ok(turns < 20, 'planner and selector never come to an end');
        assert.equal(round.plan.feasible, true, round.plan.why.join('; '));
        violatedSchema.parse(round.violated);
        const answer = selector.onViolated(round.violated);
        if (answer === null) break;
        answers.push(variantsSchema.parse(answer));
        round = await planner.onVariants(answer);
      }
      const windows = round.plan.tenants.map(({ tenant: name, variant, accuracy }, at) => {
        const served = (tenants[at]?.arrivalRatePerS ?? 0) * 1800;
        lossPt[dirtyHalf(hour) > 400 ? 'dirty' : 'clean'] += ((0.98 - accuracy) * 100 * served) / (14 * 86_400);
        return tenantWindow(name, {
          variant,
          offered: served,
          served,
          byVariant: [{ variant, accuracy, served, inTime: served, energyJ: null }],
        });
      });
      const observed = selector.onTelemetry(telemetry(windows, 1800));
      assert.equal(observed, null);
      planner.setRates(telemetry(windows, 1800));
      assert.equal(round.plan.tenants[2]?.variant, 'full');
    }

    const whole = (lossPt.clean + lossPt.dirty) / 2;
    assert.ok(whole > 0.8 && whole <= 1.01, `${whole} points`);
    assert.ok(lossPt.dirty > 2 * lossPt.clean, `${lossPt.dirty} in dirty hours, ${lossPt.clean} in clean ones`);
    const [first] = answers;
    assert.match(
      first?.reason ?? '',
      /from full to \w+ \(.* points of accuracy\): the grid is at \d+ g\/kWh: it saves/,
    );
    assert.ok((first?.price?.gPerPoint ?? 0) > 0);
    assert.ok(answers.some(({ reason }) => /back up from .*: the grid is at 200 g\/kWh: it costs only/.test(reason)));
    assert.ok(answers.every(({ rejected }) => (rejected?.length ?? 0) <= 6));
    const texts = answers.flatMap(({ rejected }) => rejected ?? []);
    assert.ok(texts.some(({ constraint, text }) => constraint === 'price' && /costs .* g per 1000 answers/.test(text)));
  });
});
