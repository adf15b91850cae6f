// The whole loop on a simulated Jetson AGX Xavier: policies side by side over recorded grids, with seeded mixes of tenants; and with
// --profile FILE the same for a device and a family of which only a table of measurements is known.
//   --ablate          our policy alone, with true costs, with the true grid ahead, with both, and without the weight of delay: what of
//                     its distance to the oracle is due to what
//   --picture FILE    draws the result as an SVG, too
//   --tuning          the weeks and mixes that constants may be tried on; --quick and --mixes N: fewer of them
import { runImported } from './ecomap/imported/run';
import { runMixes } from './ecomap/run';
import { optionsOf } from './ecomap/options';

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options.profile !== null) await runImported(options);
  else await runMixes(options);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
