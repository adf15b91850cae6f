import { demonstrationFamilies, demonstrationFamily } from '../../src/models/family-card';
import { runClosedLoops, sleep } from '../arms/closed-loop';
import { EmbeddedNodeRed } from '../arms/node-red';
import { filledPool, inFlightPerTenant, warmUpS, type ArmFigures } from './arm';
import { EventLoopDelay } from './delay';

/** The heaviest variants behind an executor in a real Node-RED in this process, driven by a closed loop through its wires. */
export async function runInNodeRed(durationS: number): Promise<ArmFigures> {
  const pool = filledPool();
  const nodeRed = await EmbeddedNodeRed.start({
    tenants: demonstrationFamilies.map((family) => ({ name: family, source: family })),
  });
  const infer = (tenant: string) => {
    const family = demonstrationFamilies.find((name) => name === tenant);
    if (family === undefined) throw new Error(`there is no family ${tenant}`);
    const { dims, data } = pool.draw(family);
    return nodeRed.infer({ tenant, payload: { type: 'float32', dims, data } });
  };
  await Promise.all(demonstrationFamilies.map(infer));
  const delay = new EventLoopDelay();
  const loops = demonstrationFamilies.map((tenant) => ({ tenant, inFlight: inFlightPerTenant }));
  const loading = runClosedLoops(infer, { loops, seconds: durationS, warmUpS });
  await sleep(warmUpS);
  delay.start();
  await sleep(durationS);
  const figures = delay.stop();
  const tenants = Object.values(await loading);
  await nodeRed.stop();
  const variants = demonstrationFamilies.map(
    (family) => `${family} ${demonstrationFamily(family).card.variants[0]?.name}`,
  );
  const inferences = tenants.reduce((sum, { count }) => sum + count, 0);
  return { ...figures, inferences, seconds: durationS, variants, inFlightPerTenant };
}
