import type { BoardName } from '../../boards/board';
import type { NetworkCost } from '../network';
import { agxXavierNetworks } from './agx-xavier';
import { agxOrinNetworks, onSmallerOrin } from './orin';

/** What is known of networks on each board. */
export const networkCosts: Readonly<Record<BoardName, readonly NetworkCost[]>> = {
  'agx-xavier': agxXavierNetworks,
  'agx-orin': agxOrinNetworks,
  'orin-nx-16gb': onSmallerOrin(true),
  'orin-nano-8gb': onSmallerOrin(false),
};
