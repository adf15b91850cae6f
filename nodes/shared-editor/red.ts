import type { EditorRED } from 'node-red';

declare global {
  /** The editor's own object, there before any node's script runs. */
  const RED: EditorRED;
}
