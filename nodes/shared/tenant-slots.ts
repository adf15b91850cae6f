import { z } from 'zod';

const slot = z.string().trim().default('');

/**
 * The tenants a node refers to, one property each: Node-RED follows references to config nodes (usage, partial deploys,
 * export of a selection) only in properties that hold exactly one id, never in a list.
 */
export const tenantSlots = {
  tenant1: slot,
  tenant2: slot,
  tenant3: slot,
  tenant4: slot,
  tenant5: slot,
  tenant6: slot,
  tenant7: slot,
  tenant8: slot,
};

/** The ids of the tenants in use, in the order of their slots, each once. */
export function tenantIds(config: { [Slot in keyof typeof tenantSlots]: string }): string[] {
  const slots = [
    config.tenant1,
    config.tenant2,
    config.tenant3,
    config.tenant4,
    config.tenant5,
    config.tenant6,
    config.tenant7,
    config.tenant8,
  ];
  return [...new Set(slots.filter((id) => id !== ''))];
}
