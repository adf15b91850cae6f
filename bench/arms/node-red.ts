import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/models/package-root';
import { calibrationStatusSchema, type CalibrationStatus } from '../../src/signals/calibration';
import { sleep } from './closed-loop';

interface RedRuntime {
  init(server: unknown, settings: object): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  runtime: { flows: { setFlows(request: object): Promise<unknown> } };
}

type Message = Record<string, unknown>;

/** The node that makes the load lives in this process as well, so the two sides talk through here. */
interface Load {
  send: ((message: Message) => void) | null;
  sendToEstimator?: (message: Message) => void;
  onMessage(message: Message): void;
}
const loads = globalThis as typeof globalThis & { ecomapBenchLoad?: Load };

const loadNode = `module.exports = (RED) => {
  RED.nodes.registerType('bench-load', function (config) {
    RED.nodes.createNode(this, config);
    globalThis.ecomapBenchLoad.send = (message) => this.send(message);
    globalThis.ecomapBenchLoad.sendToEstimator = (message) => this.send([null, message]);
    this.on('input', (message, _send, done) => { globalThis.ecomapBenchLoad.onMessage(message); done(); });
  });
};`;

/** Fields of a `tenant` config node; `name` is what requests are addressed to. */
export interface TenantNode {
  readonly name: string;
  readonly [field: string]: unknown;
}

export interface NodeRedOptions {
  readonly tenants: readonly TenantNode[];
  /** Components of the `device` config node; absent lets it find them. */
  readonly components?: readonly object[];
  readonly queueLength?: number;
  /** Adds a `mapping-estimator` for the same tenants, which plans for nobody. */
  readonly estimator?: boolean;
}

function flow({ tenants, components, queueLength = 64, estimator = false }: NodeRedOptions): object[] {
  const tenantNodes = tenants.map((tenant, index) => ({
    id: `bench-tenant-${index}`,
    type: 'ecomap-tenant',
    // Nobody is late here: the load is closed loop.
    latencyLimitMs: '60000',
    overrideMode: 'off',
    ...tenant,
  }));
  const slots = Object.fromEntries(tenantNodes.map(({ id }, index) => [`tenant${index + 1}`, id]));
  return [
    { id: 'bench-tab', type: 'tab', label: 'bench' },
    {
      id: 'bench-device',
      type: 'ecomap-device',
      hardware: 'auto',
      components: components === undefined ? '' : JSON.stringify(components),
    },
    ...tenantNodes,
    {
      id: 'bench-load',
      type: 'bench-load',
      z: 'bench-tab',
      x: 100,
      y: 100,
      wires: [['bench-executor'], estimator ? ['bench-estimator'] : []],
    },
    ...(estimator ? [estimatorNode(slots)] : []),
    {
      id: 'bench-executor',
      type: 'ecomap-inference-executor',
      z: 'bench-tab',
      x: 300,
      y: 100,
      device: 'bench-device',
      queueLength: String(queueLength),
      ...slots,
      wires: [['bench-load'], []],
    },
    { id: 'bench-catch', type: 'catch', z: 'bench-tab', x: 100, y: 200, scope: null, wires: [['bench-load']] },
  ];
}

const estimatorNode = (slots: Readonly<Record<string, string>>): object => ({
  id: 'bench-estimator',
  type: 'ecomap-mapping-estimator',
  z: 'bench-tab',
  x: 300,
  y: 200,
  device: 'bench-device',
  ...slots,
  wires: [[], [], ['bench-load']],
});

/** A real Node-RED with this package, embedded in this process and driven through its wires. */
export class EmbeddedNodeRed {
  private readonly waiting = new Map<number, { resolve: (message: Message) => void; reject: (error: Error) => void }>();
  private onCalibration: ((status: CalibrationStatus) => void) | null = null;
  private sent = 0;
  private readonly load: Load = { send: null, onMessage: (message) => this.onMessage(message) };

  private constructor(
    private readonly red: RedRuntime,
    private readonly userDirectory: string,
  ) {
    loads.ecomapBenchLoad = this.load;
  }

  /** Resolves when the flow runs; the models are loaded while the first requests wait. */
  static async start(options: NodeRedOptions): Promise<EmbeddedNodeRed> {
    const userDirectory = await mkdtemp(join(tmpdir(), 'ecomap-bench-'));
    const scope = join(userDirectory, 'node_modules/@ecomap');
    await mkdir(scope, { recursive: true });
    await symlink(packageRoot(__dirname), join(scope, 'node-red-ecomap'), 'dir');
    await mkdir(join(userDirectory, 'nodes'));
    await writeFile(join(userDirectory, 'nodes/bench-load.js'), loadNode);
    await writeFile(join(userDirectory, 'nodes/bench-load.html'), '<script type="text/javascript"></script>');
    const red = createRequire(__filename)('node-red') as RedRuntime;
    red.init(createServer(), {
      userDir: userDirectory,
      httpAdminRoot: false,
      httpNodeRoot: false,
      flowFile: 'flows.json',
      credentialSecret: false,
      logging: { console: { level: 'error' } },
      telemetry: { enabled: false },
    });
    const embedded = new EmbeddedNodeRed(red, userDirectory);
    await red.start();
    await red.runtime.flows.setFlows({ flows: { flows: flow(options) }, deploymentType: 'full' });
    const readyByMs = performance.now() + 60_000;
    while (embedded.load.send === null) {
      if (performance.now() > readyByMs) throw new Error('the flow did not start in Node-RED');
      await sleep(0.05);
    }
    return embedded;
  }

  /** One message through the wire to the executor and the one that comes back. @throws Error when it comes from Catch */
  infer(message: Message): Promise<Message> {
    this.sent += 1;
    const benchId = this.sent;
    return new Promise((resolve, reject) => {
      this.waiting.set(benchId, { resolve, reject });
      this.load.send?.({ ...message, benchId });
    });
  }

  /** A control message to the executor, such as a plan; nothing comes back. */
  control(topic: string, payload: unknown): void {
    this.load.send?.({ topic, payload });
  }

  /** The button of the device: profiles, co-locations, training. @throws Error when it ends otherwise than `done` */
  calibrate(samples: number, onStatus: (status: CalibrationStatus) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onCalibration = (status) => {
        onStatus(status);
        if (status.phase === 'done') resolve();
        else if (['failed', 'cancelled', 'interrupted'].includes(status.phase)) reject(new Error(status.text));
      };
      this.load.sendToEstimator?.({ topic: 'ecomap/calibrate', payload: { action: 'start', samples } });
    });
  }

  async stop(): Promise<void> {
    await this.red.stop();
    await rm(this.userDirectory, { recursive: true, force: true, maxRetries: 3 });
  }

  private onMessage(message: Message): void {
    const { benchId, error, topic, payload } = message;
    if (topic === 'ecomap/calibration' && error === undefined) {
      this.onCalibration?.(calibrationStatusSchema.parse(payload));
      return;
    }
    if (typeof benchId !== 'number') {
      process.stderr.write(`Node-RED reports: ${JSON.stringify(error ?? message).slice(0, 300)}\n`);
      return;
    }
    const request = this.waiting.get(benchId);
    this.waiting.delete(benchId);
    if (error === undefined) request?.resolve(message);
    else request?.reject(new Error(JSON.stringify(error).slice(0, 300)));
  }
}
