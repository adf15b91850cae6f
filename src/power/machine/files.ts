/** Why a file could not be read or written: `missing` and `denied` are normal, `failed` is a broken device (EIO) or a refused value. */
export type FileProblem = 'missing' | 'denied' | 'read-only' | 'failed';

export class MachineFileError extends Error {
  constructor(
    readonly path: string,
    readonly problem: FileProblem,
    cause: unknown,
  ) {
    super(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'MachineFileError';
  }
}

/** A file that is read again and again. */
export interface OpenedFile {
  /** The present text without surrounding white space and NUL. @throws MachineFileError */
  read(): Promise<string>;
  close(): Promise<void>;
}

/**
 * The files of a machine (`/sys`, `/proc`, `/etc`), by their absolute paths. A simulated device or a test puts a folder in
 * the place of `/`; everything that looks at or sets hardware goes through here, so it is the same code for both.
 */
export interface MachineFiles {
  /** The folder that stands for `/`. */
  readonly root: string;
  /** The text without surrounding white space and NUL. @throws MachineFileError */
  read(path: string): Promise<string>;
  /** null where {@link read} would throw `missing`; other problems are thrown. */
  readIfThere(path: string): Promise<string | null>;
  /** Keeps a file open, which makes reading it often cheap: a sensor's values are a few bytes. @throws MachineFileError */
  open(path: string): Promise<OpenedFile>;
  /** Writes to a file that exists: a setting that the kernel does not offer is never made up. @throws MachineFileError */
  write(path: string, text: string): Promise<void>;
  /** Names in a folder, sorted; empty when there is no such folder. */
  list(path: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** May this process write the file as things are? */
  isWritable(path: string): Promise<boolean>;
  /** The absolute path (on the machine) behind symbolic links; null when there is no such file. */
  resolve(path: string): Promise<string | null>;
}
