import { defineNode } from '../../src/node-red/defineNode';
import { VariantSelector } from '../../src/selection/selector';
import { parseControlMessage, topicOf } from '../../src/signals/message';
import { chosenTenants } from '../shared/chosen-tenants';
import { variantSelectorConfig } from './config';

/** A status is at most this long. */
const statusLength = 19;

/** Answers plans that break limits, and telemetry that shows it, with other variants. */
export default defineNode({
  type: 'ecomap-variant-selector',
  config: variantSelectorConfig,
  start(node) {
    const { upAfterS, dwellS } = node.config;
    const selector = new VariantSelector({
      tenants: chosenTenants(node),
      clock: () => performance.now(),
      settings: { upAfterS, dwellS },
    });

    const showStatus = (): void => {
      const { degraded, price } = selector;
      if (price !== null && degraded.length > 0) {
        const values = { lostPt: price.lostPt.toFixed(2), allowancePt: price.allowancePt.toFixed(1) };
        node.status({ fill: 'yellow', shape: 'dot', key: 'status.price', values });
        return;
      }
      const [only] = degraded;
      if (only === undefined) node.status({ fill: 'green', shape: 'dot', key: 'status.full' });
      else if (degraded.length === 1 && `${only.tenant} ${only.variant}`.length <= statusLength) {
        node.status({ fill: 'yellow', shape: 'dot', key: 'status.one', values: { ...only } });
      } else node.status({ fill: 'yellow', shape: 'dot', key: 'status.several', values: { count: degraded.length } });
    };
    showStatus();

    return {
      input(message, send) {
        const { kind, payload } = parseControlMessage(message, ['violated', 'telemetry']);
        const variants = kind === 'violated' ? selector.onViolated(payload) : selector.onTelemetry(payload);
        showStatus();
        if (variants === null) return;
        node.log(variants.reason);
        message.topic = topicOf('variants');
        message.payload = variants;
        send(message);
      },
    };
  },
});
