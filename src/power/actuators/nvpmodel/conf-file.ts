import { EcomapError, messageOf } from '../../../signals/errors';
import { MachineFileError } from '../../machine/files';
import type { Machine } from '../../machine/machine';
import { parseNvpmodelConf, type NvpmodelConf } from './conf';

export const nvpmodelConfPath = '/etc/nvpmodel.conf';

export interface NvpmodelConfFile {
  /** The file behind the link, which is chosen at boot by the kind of module. */
  readonly path: string;
  readonly conf: NvpmodelConf;
}

/** The live configuration of nvpmodel; parsed again whenever it has changed, as a package upgrade does. */
export class LiveNvpmodelConf {
  private last: (NvpmodelConfFile & { readonly text: string }) | null = null;

  constructor(private readonly machine: Machine) {}

  /** @returns null where the machine has none. @throws EcomapError INVALID_CONFIG, POWER_DENIED */
  async readIfThere(): Promise<NvpmodelConfFile | null> {
    const { files } = this.machine;
    let text: string | null;
    try {
      text = await files.readIfThere(nvpmodelConfPath);
    } catch (error) {
      const denied = error instanceof MachineFileError && error.problem === 'denied';
      throw new EcomapError(
        denied ? 'POWER_DENIED' : 'CAP_NOT_ENFORCEABLE',
        `${nvpmodelConfPath} cannot be read, so its modes are not known: ${messageOf(error)}`,
        { cause: error },
      );
    }
    if (text === null) return null;
    const path = (await files.resolve(nvpmodelConfPath)) ?? nvpmodelConfPath;
    if (this.last?.text !== text || this.last.path !== path)
      this.last = { text, path, conf: parseNvpmodelConf(text, path) };
    return this.last;
  }

  /** @throws EcomapError CAP_NOT_ENFORCEABLE when it is gone, and as {@link readIfThere} */
  async read(): Promise<NvpmodelConfFile> {
    const file = await this.readIfThere();
    if (file === null)
      throw new EcomapError(
        'CAP_NOT_ENFORCEABLE',
        `${nvpmodelConfPath} is not there (any more): without it no power mode is known. Reinstall nvidia-l4t-nvpmodel, or restart the nvpower service.`,
      );
    return file;
  }
}
