import { defineNode } from '../../src/node-red/defineNode';
import { KeptAccuracyAccount } from '../../src/selection/price/kept-account';
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
    const tenants = chosenTenants(node);
    const selector = new VariantSelector({
      tenants,
      clock: () => performance.now(),
      settings: { upAfterS, dwellS },
    });

    const names = tenants.map(({ name }) => name);
    const kept = new KeptAccuracyAccount(node.stateDirectory, node.id, names, (text) => node.warn(text));
    const restored = kept.load().then((account) => {
      if (account !== null) selector.restoreAccuracyAccount(account);
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
      async input(message, send) {
        const { kind, payload } = parseControlMessage(message, ['violated', 'telemetry']);
        await restored;
        const variants = kind === 'violated' ? selector.onViolated(payload) : selector.onTelemetry(payload);
        void kept.save(selector.accuracyAccount, performance.now());
        showStatus();
        if (variants === null) return;
        node.log(variants.reason);
        message.topic = topicOf('variants');
        message.payload = variants;
        send(message);
      },
      async close(removed) {
        await restored;
        if (removed) await kept.forget();
        else await kept.save(selector.accuracyAccount, null);
      },
    };
  },
});
