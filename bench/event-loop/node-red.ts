import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demonstrationFamilies, demonstrationFamily } from '../../src/models/family-card';
import { packageRoot } from '../../src/models/package-root';
import type { FamilyName } from '../../src/simulation/samples';
import { filledPool, inFlightPerTenant, seconds, warmUpS, type ArmFigures } from './arm';
import { EventLoopDelay } from './delay';

interface EmbeddedNodeRed {
  init(server: unknown, settings: object): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  runtime: { flows: { setFlows(request: object): Promise<unknown> } };
}

type Message = Record<string, unknown>;

/** The node that makes the load lives in this process as well, so the two sides talk through here. */
interface Load {
  send: ((message: Message) => void) | null;
  onMessage(message: Message): void;
}
const loads = globalThis as typeof globalThis & { ecomapBenchLoad?: Load };

const loadNode = `module.exports = (RED) => {
  RED.nodes.registerType('bench-load', function (config) {
    RED.nodes.createNode(this, config);
    globalThis.ecomapBenchLoad.send = (message) => this.send(message);
    this.on('input', (message, _send, done) => { globalThis.ecomapBenchLoad.onMessage(message); done(); });
  });
};`;

function flow(): object[] {
  const tenants = demonstrationFamilies.map((family, index) => ({
    id: `bench-tenant-${index}`,
    type: 'ecomap-tenant',
    name: family,
    source: family,

    // Nobody is late here: the load is closed loop.
    latencyLimitMs: '60000',
    overrideMode: 'off',
  }));
  const slots = Object.fromEntries(tenants.map(({ id }, index) => [`tenant${index + 1}`, id]));
  return [
    { id: 'bench-tab', type: 'tab', label: 'bench' },
    { id: 'bench-device', type: 'ecomap-device', hardware: 'auto' },
    ...tenants,
    { id: 'bench-load', type: 'bench-load', z: 'bench-tab', x: 100, y: 100, wires: [['bench-executor']] },
    {
      id: 'bench-executor',
      type: 'ecomap-inference-executor',
      z: 'bench-tab',
      x: 300,
      y: 100,
      device: 'bench-device',
      ...slots,
      wires: [['bench-load'], []],
    },
    { id: 'bench-catch', type: 'catch', z: 'bench-tab', x: 100, y: 200, scope: null, wires: [['bench-load']] },
  ];
}

/** A real Node-RED with this package, embedded in this process and driven by a closed loop through its wires. */
export async function runInNodeRed(durationS: number): Promise<ArmFigures> {
  const userDirectory = await mkdtemp(join(tmpdir(), 'ecomap-bench-'));
  const scope = join(userDirectory, 'node_modules/@ecomap');
  await mkdir(scope, { recursive: true });
  await symlink(packageRoot(__dirname), join(scope, 'node-red-ecomap'), 'dir');
  await mkdir(join(userDirectory, 'nodes'));
  await writeFile(join(userDirectory, 'nodes/bench-load.js'), loadNode);
  await writeFile(join(userDirectory, 'nodes/bench-load.html'), '<script type="text/javascript"></script>');

  const pool = filledPool();
  const failures: string[] = [];
  let inferences = 0;
  let running = true;
  const load: Load = {
    send: null,
    onMessage(message) {
      if (message['error'] !== undefined) failures.push(JSON.stringify(message['error']).slice(0, 300));
      else inferences += 1;
      const tenant = demonstrationFamilies.find((family) => family === message['tenant']);
      if (running && tenant !== undefined) setImmediate(() => load.send?.(request(tenant)));
    },
  };
  loads.ecomapBenchLoad = load;
  const request = (tenant: FamilyName): Message => {
    const { dims, data } = pool.draw(tenant);
    return { tenant, payload: { type: 'float32', dims, data } };
  };

  const red = createRequire(__filename)('node-red') as EmbeddedNodeRed;
  red.init(createServer(), {
    userDir: userDirectory,
    httpAdminRoot: false,
    httpNodeRoot: false,
    flowFile: 'flows.json',
    credentialSecret: false,
    logging: { console: { level: 'error' } },
    telemetry: { enabled: false },
  });
  await red.start();
  await red.runtime.flows.setFlows({ flows: { flows: flow() }, deploymentType: 'full' });
  // The flow starts after it is set, and its models are loaded while the first requests wait.
  const readyByMs = performance.now() + 60_000;
  const until = async (ready: () => boolean): Promise<void> => {
    while (!ready()) {
      if (performance.now() > readyByMs) throw new Error(`no answers from Node-RED: ${failures.join('; ')}`);
      await seconds(0.1);
    }
  };
  await until(() => load.send !== null);
  for (const tenant of demonstrationFamilies) {
    for (let i = 0; i < inFlightPerTenant; i += 1) load.send?.(request(tenant));
  }
  await until(() => inferences >= 10);
  await seconds(warmUpS);
  const delay = new EventLoopDelay();
  delay.start();
  const before = inferences;
  const beganMs = performance.now();
  await seconds(durationS);
  const figures = delay.stop();
  const measuredS = (performance.now() - beganMs) / 1000;
  const counted = inferences - before;
  running = false;
  await red.stop();
  await rm(userDirectory, { recursive: true, force: true, maxRetries: 3 });
  if (failures.length > 0) throw new Error(`${failures.length} requests failed, the first: ${failures[0]}`);
  const variants = demonstrationFamilies.map(
    (family) => `${family} ${demonstrationFamily(family).card.variants[0]?.name}`,
  );
  return { ...figures, inferences: counted, seconds: measuredS, variants, inFlightPerTenant };
}
