/**
 * How high each limit may be set. Whoever set it before (a power mode, a user) has the last word: what was found there, when it
 * is not what was written from here, is the most that may be written from here.
 */
export class Ceilings {
  private readonly known = new Map<string, { ceiling: number; written: number | null }>();

  /** @returns the ceiling of a file that now says `found` */
  see(path: string, found: number): number {
    const known = this.known.get(path);
    if (known !== undefined && known.written === found) return known.ceiling;
    this.known.set(path, { ceiling: found, written: null });
    return found;
  }

  /** Remembers what was written and read back. */
  wrote(path: string, inForce: number): void {
    const known = this.known.get(path);
    if (known !== undefined) known.written = inForce;
  }

  isOurs(path: string, found: number): boolean {
    return this.known.get(path)?.written === found;
  }
}
