// A node for flows under test: sends requests to an executor, gets answers, what Catch has caught and telemetry back by wires, and
// counts how each request ended. The counts belong to the process, not to the node, so that they outlive a redeploy; when the
// process ends they are written to clients.json in the user directory.
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');

module.exports = function (RED) {
  const open = new Map();
  const counts = {
    sent: {},
    /** How requests ended, by tenant: `answered` or the code. */
    ended: {},
    /** Ended twice, or never sent. */
    unexpected: 0,
    /** Answers that belong to another request. */
    wrong: 0,
    flagged: 0,
    /** The last words of each tenant's error code. */
    words: {},
    /** The variant of each tenant's last answer. */
    variants: {},
    /** Errors that belong to no request, by tenant. */
    problems: {},
    telemetry: {},
    /** Of telemetry, by tenant. */
    reasons: {},
    restarts: 0,
    plans: { done: 0, failed: 0 },
    /** What Node-RED has handed to executors, and how they have settled it. */
    received: 0,
    settled: {},
  };
  let requests = 0;

  const add = (to, key, count = 1) => (to[key] = (to[key] ?? 0) + count);
  const within = (of, key) => (of[key] ??= {});
  const isExecutor = (id) => RED.nodes.getNode(id)?.type === 'ecomap-inference-executor';
  const isRequest = (msg) => msg.request !== undefined;

  RED.hooks.add('onReceive.ecomap-clients', ({ msg, destination }) => {
    if (destination.node?.type === 'ecomap-inference-executor' && isRequest(msg)) counts.received += 1;
  });
  RED.hooks.add('onComplete.ecomap-clients', ({ msg, error, node }) => {
    if (node.node?.type !== 'ecomap-inference-executor' && !isExecutor(node.id)) return;
    if (isRequest(msg)) add(counts.settled, error ? (error.code ?? 'no code') : 'answered');
    else if (msg.topic === 'ecomap/plan') counts.plans[error ? 'failed' : 'done'] += 1;
  });
  process.on('exit', () => {
    writeFileSync(join(RED.settings.userDir, 'clients.json'), JSON.stringify({ ...counts, open: open.size }));
  });

  /** `{data}` or `{fill, count}`, with `dims` or without; none: one number, by which the answer is known again. */
  const payloadOf = (spec, own) => {
    if (spec === undefined) return Float32Array.of(own);
    const { fill = 0, count = 0, data = Array(count).fill(fill), dims } = spec;
    const numbers = Float32Array.from(data, Number);
    return dims === undefined ? numbers : { data: numbers, dims };
  };

  const countTelemetry = ({ tenants, components }) => {
    for (const { tenant, offered, served, rejected, failed, swaps, reasons } of tenants) {
      const sums = within(counts.telemetry, tenant);
      for (const [name, count] of Object.entries({ offered, served, rejected, failed, swaps })) add(sums, name, count);
      for (const [code, count] of Object.entries(reasons)) add(within(counts.reasons, tenant), code, count);
    }
    for (const { restarts } of components) counts.restarts += restarts;
  };

  const begin = (node) => {
    let running = [];

    const request = ({ payload, ...fields }) => {
      requests += 1;
      const own = payload === undefined ? requests % 100 : null;
      const msg = { ...fields, payload: payloadOf(payload, own), request: requests };
      open.set(requests, { tenant: fields.tenant, own });
      add(counts.sent, fields.tenant);
      return msg;
    };
    const send = (fields) => {
      const msg = request(fields);
      // A client sends its next request when this one has ended.
      const ended = new Promise((resolve) => (open.get(msg.request).resolve = resolve));
      node.send(msg);
      return ended;
    };

    const end = (msg, how) => {
      const began = open.get(msg.request);
      if (began === undefined) {
        counts.unexpected += 1;
        return;
      }
      open.delete(msg.request);
      add(within(counts.ended, began.tenant), how);
      if (how === 'answered') {
        counts.variants[began.tenant] = msg.ecomap.variant;
        if (msg.ecomap.nonFiniteInput) counts.flagged += 1;
        const answer = msg.payload?.y?.data?.[0];
        if (began.own !== null && !(Math.abs(answer - began.own) < 0.5)) counts.wrong += 1;
      } else {
        within(counts.words, began.tenant)[how] = msg.error.message;
      }
      began.resolve?.();
    };

    node.on('input', (msg, _send, done) => {
      if (msg.topic === 'ecomap/telemetry') countTelemetry(msg.payload);
      else if (msg.error && isRequest(msg)) end(msg, msg.error.code ?? 'no code');
      else if (msg.error) add(within(counts.problems, msg.tenant ?? ''), msg.error.code ?? 'no code');
      else end(msg, 'answered');
      done();
    });
    node.on('close', () => {
      for (const one of running) one.stop();
    });

    /** So many at once. */
    node.offer = ({ count, ...fields }) => {
      for (let index = 0; index < count; index += 1) void send(fields);
    };
    /** Clients that send one after the other until `rest`. */
    node.work = ({ count, pauseMs = 0, ...fields }) => {
      const flag = { on: true, stop: () => (flag.on = false) };
      running.push(flag);
      const client = async () => {
        while (flag.on) {
          await send(fields);
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
      };
      for (let index = 0; index < count; index += 1) void client();
    };
    node.rest = () => {
      for (const one of running) one.stop();
      running = [];
    };
    /** Sends at a rate, whatever comes back; the kinds take turns. Resolves when all are sent. */
    node.flood = ({ ratePerS, durationMs, kinds }) =>
      new Promise((resolve) => {
        const startMs = performance.now();
        let sent = 0;
        const timer = setInterval(() => {
          const elapsedMs = Math.min(performance.now() - startMs, durationMs);
          const due = Math.round((ratePerS * elapsedMs) / 1000);
          for (; sent < due; sent += 1) node.send(request(kinds[sent % kinds.length]));
          if (elapsedMs < durationMs) return;
          clearInterval(timer);
          resolve(sent);
        }, 10);
        running.push({ stop: () => clearInterval(timer) });
      });
    /** Keeps hold of another node and sends to it, past the wires: also while it is being closed. */
    node.hold = ({ id }) => {
      node.held = RED.nodes.getNode(id);
    };
    node.offerHeld = ({ count, ...fields }) => {
      for (let index = 0; index < count; index += 1) node.held.receive(request(fields));
    };
    node.counts = () => ({ ...counts, open: open.size });
  };

  RED.nodes.registerType('ecomap-clients', function (config) {
    RED.nodes.createNode(this, config);
    begin(this);
  });
};
