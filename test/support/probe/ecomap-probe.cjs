// Runs inside the Node-RED under test (copied into its user directory) and answers the test over the IPC channel: what reached
// which node, which status nodes show, what is still alive. It holds no strong reference to any node.
let kept = 5000;

module.exports = function (RED) {
  const messages = [];
  const statuses = new Map();
  const born = [];
  const seen = new WeakSet();
  let deploys = 0;

  const remember = (list, item) => {
    list.push(item);
    if (list.length > kept) list.shift();
  };

  const summary = (payload) => {
    try {
      const text = JSON.stringify(payload);
      return text !== undefined && text.length > 20_000 ? `(${text.length} characters)` : payload;
    } catch {
      return '(not JSON)';
    }
  };

  const trackNodes = () => {
    RED.nodes.eachNode((definition) => {
      const node = RED.nodes.getNode(definition.id);
      if (!node || seen.has(node)) return;
      seen.add(node);
      born.push({ type: node.type, reference: new WeakRef(node) });
    });
  };

  RED.events.on('flows:started', () => {
    deploys += 1;
    trackNodes();
    process.send?.({ event: 'deployed', deploys });
  });
  RED.events.on('node-status', ({ id, status }) => statuses.set(id, status));
  RED.hooks.add('onReceive.ecomap-probe', ({ msg, destination }) => {
    const { topic, payload, error, ecomap, tenant } = msg;
    remember(messages, { to: destination.id, topic, payload: summary(payload), error, ecomap, tenant });
  });

  const collectGarbage = async () => {
    for (let round = 0; round < 4; round += 1) {
      global.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  const countBy = (items) => {
    const counts = {};
    for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
    return counts;
  };

  const listeners = (emitter) =>
    Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]));

  const commands = {
    messages: () => messages.splice(0),
    statuses: () => Object.fromEntries(statuses),
    /** Which of the deployed flow's node ids exist. */
    nodes: () => {
      const found = {};
      RED.nodes.eachNode(({ id, type }) => {
        found[id] = { type, exists: Boolean(RED.nodes.getNode(id)) };
      });
      return found;
    },
    send: ({ node, message }) => RED.nodes.getNode(node).receive(message),
    /** Calls a method of a node that a test has written. */
    call: ({ node, method, details }) => RED.nodes.getNode(node)[method](details),
    /** Remembers only so many messages from now on. */
    remember: ({ count }) => {
      kept = count;
      messages.length = 0;
    },
    deploys: () => deploys,
    alive: async () => {
      await collectGarbage();
      const nodes = born.map(({ type, reference }) => (reference.deref() ? type : null)).filter(Boolean);
      return {
        resources: countBy(process.getActiveResourcesInfo()),
        listeners: { process: listeners(process), events: listeners(RED.events) },
        nodes: countBy(nodes.filter((type) => type.startsWith('ecomap-'))),
      };
    },
  };

  process.on('message', async (request) => {
    if (typeof request !== 'object' || request === null || !Object.hasOwn(commands, request.command)) return;
    try {
      process.send({ id: request.id, answer: (await commands[request.command](request)) ?? null });
    } catch (error) {
      process.send({ id: request.id, failure: String(error) });
    }
  });
};
