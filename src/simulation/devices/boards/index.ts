import { EcomapError } from '../../../signals/errors';
import { agxOrinBoard } from './agx-orin';
import { agxXavierBoard } from './agx-xavier';
import type { Board, BoardModes, BoardName, JetPack } from './board';
import { orinNanoBoard } from './orin-nano';
import { orinNxBoard } from './orin-nx';

export const boards: Readonly<Record<BoardName, Board>> = {
  'agx-xavier': agxXavierBoard,
  'agx-orin': agxOrinBoard,
  'orin-nx-16gb': orinNxBoard,
  'orin-nano-8gb': orinNanoBoard,
};

/**
 * @param jetPack null takes the newest that the board has
 * @throws EcomapError INVALID_CONFIG when the board never had that release
 */
export function modesOf(board: Board, jetPack: JetPack | null = null): BoardModes {
  const release = jetPack === null ? board.releases.at(-1) : board.releases.find((one) => one.jetPack === jetPack);
  if (release === undefined) {
    const known = board.releases.map((one) => one.jetPack).join(' or ');
    throw new EcomapError('INVALID_CONFIG', `there is no JetPack ${jetPack} for the ${board.label}: take ${known}`);
  }
  return release;
}
