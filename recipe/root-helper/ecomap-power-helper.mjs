#!/usr/bin/env node
// The root helper: sets a few listed limits of the machine for a process without rights, as long as that process lives.
// One JSON object per line in, one per line out:
//   {"id": 1, "op": "hello", "owner": "Node-RED", "lease": null}   -> {"id": 1, "ok": true, "lease": "...", "ttlS": 45, ...}
//   {"id": 2, "op": "set", "lease": "...", "key": "file:/sys/...", "value": "905250000"}   -> before, inForce
//   {"id": 3, "op": "read", "lease": "...", "key": "..."}   {"op": "heartbeat", ...}   {"op": "release", ...}
//   {"id": 4, "op": "may", "key": "...", "value": "..."}   whether it would set the key (to that value); needs no lease
// Refusals: {"id": 2, "ok": false, "code": "denied | refused | busy | no-lease | malformed | failed", "message": "..."}
import { readFileSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Lease } from './lease.mjs';
import { kinds, knownSettings, Refusal } from './settings.mjs';

const { values: options } = parseArgs({
  options: {
    restore: { type: 'boolean', default: false },
    socket: { type: 'string', default: '/run/ecomap-power.sock' },
    config: { type: 'string', default: '/etc/ecomap-power.json' },
    state: { type: 'string', default: '/run/ecomap-power/state.json' },
    // Stands for `/` in tests.
    root: { type: 'string', default: '/' },
    'ttl-s': { type: 'string', default: '45' },
    nvpmodel: { type: 'string', default: '/usr/sbin/nvpmodel' },
    'nvidia-smi': { type: 'string', default: '/usr/bin/nvidia-smi' },
  },
});

const longestLine = 4096;
const mostConnections = 8;
/** Who asks faster than he listens is cut off: the queue of a process of root must not grow without end. */
const mostWaiting = 256;
/** A holder gives a sign of life more often than this; nobody else needs a connection for so long. */
const idleMs = 120_000;

function readConfig() {
  const { allow = [], nvpmodelModes = [] } = JSON.parse(readFileSync(options.config, 'utf8'));
  const isList = (list, type) => Array.isArray(list) && list.every((item) => typeof item === type);
  if (!isList(allow, 'string') || !isList(nvpmodelModes, 'number')) {
    throw new Error(`${options.config}: "allow" is a list of names, "nvpmodelModes" a list of numbers`);
  }
  const unknown = allow.filter((name) => !kinds.includes(name));
  if (unknown.length > 0) {
    throw new Error(`${options.config}: "allow" takes ${kinds.join(', ')}, not ${unknown.join(', ')}`);
  }
  return { allow, nvpmodelModes };
}

const config = readConfig();
const settingOf = knownSettings({
  ...config,
  root: options.root,
  programs: { nvpmodel: options.nvpmodel, 'nvidia-smi': options['nvidia-smi'] },
});
const lease = new Lease({ settingOf, statePath: options.state, ttlMs: Number(options['ttl-s']) * 1000 });

const isText = (value, longest) => typeof value === 'string' && value.length > 0 && value.length <= longest;

async function mayBeSet(key, value) {
  if (!isText(key, 300)) throw new Refusal('malformed', '"key" is a text');
  // Any card at all.
  if (key === 'nvidia-smi:') return config.allow.includes('nvidia-smi');
  try {
    const setting = settingOf(key);
    const found = await setting.read();
    if (isText(value, 40) && value !== found && !lease.mayReturn(key, value)) await setting.check(value, found);
    return true;
  } catch {
    return false;
  }
}

async function answer(request) {
  if (typeof request !== 'object' || request === null || !isText(request.op, 20)) {
    throw new Refusal('malformed', 'a request is an object with an "op"');
  }
  const token = isText(request.lease, 100) ? request.lease : null;
  if (request.op === 'hello') {
    const opened = lease.open(token, isText(request.owner, 100) ? request.owner : 'somebody');
    return { lease: opened, ttlS: lease.ttlMs / 1000, ...config };
  }
  // What it would do can be asked without holding it.
  if (request.op === 'may') return { may: await mayBeSet(request.key, request.value) };
  lease.renew(token);
  switch (request.op) {
    case 'heartbeat':
      return {};
    case 'release':
      return lease.end();
    case 'read':
    case 'set': {
      if (!isText(request.key, 300)) throw new Refusal('malformed', '"key" is a text');
      if (request.op === 'read') return { value: await settingOf(request.key).read() };
      if (!isText(request.value, 40)) throw new Refusal('malformed', '"value" is a text');
      return lease.set(request.key, request.value);
    }
    default:
      throw new Refusal('malformed', `there is no op ${request.op}`);
  }
}

function serve(socket) {
  const send = (message) => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
  };
  let pending = 0;
  let waiting = 0;
  let isFlood = false;
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  // A line without an end must not fill the memory of a process of root.
  socket.on('data', (chunk) => {
    const lastBreak = chunk.lastIndexOf(10);
    pending = lastBreak < 0 ? pending + chunk.length : chunk.length - lastBreak - 1;
    if (pending > longestLine) socket.destroy();
  });
  createInterface({ input: socket }).on('line', (line) => {
    waiting += 1;
    isFlood ||= waiting > mostWaiting;
    if (isFlood) {
      socket.destroy();
      return;
    }
    void lease.inTurn(async () => {
      waiting -= 1;
      if (isFlood) return;
      let id = null;
      try {
        let request;
        try {
          if (line.length > longestLine) throw new Error('too long');
          request = JSON.parse(line);
        } catch {
          throw new Refusal('malformed', 'a request is one line of JSON');
        }
        if (Number.isInteger(request?.id)) id = request.id;
        send({ id, ok: true, ...(await answer(request)) });
      } catch (error) {
        send({ id, ok: false, code: error instanceof Refusal ? error.code : 'failed', message: error.message });
      }
    });
  });
}

async function main() {
  await lease.load();
  // What an earlier helper has left belongs to nobody any more.
  const { restored, failed } = await lease.end();
  if (restored.length > 0) console.log(`restored: ${restored.join(', ')}`);
  for (const { key, problem } of failed) console.error(`${key} could not be restored: ${problem}`);
  if (options.restore) return;
  const server = createServer(serve);
  server.maxConnections = mostConnections;
  const stop = () => {
    server.close();
    void lease.inTurn(() => lease.end()).finally(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // systemd hands the socket over as file 3.
  if (process.env.LISTEN_FDS === '1' && process.env.LISTEN_PID === String(process.pid)) {
    server.listen({ fd: 3 });
    return;
  }
  await rm(options.socket, { force: true });
  server.listen(options.socket, () => {
    void chmod(options.socket, 0o660).then(() => console.log(`listening on ${options.socket}`));
  });
}

await main();
