import type { NamedTensors } from '../tensors/tensors';
import { ModelSession } from './model-session';
import { patternInputs } from './pattern-inputs';
import { profileSession, rerunSession } from './profiling';
import type { HostCommand, ProfileAnswer, RerunAnswer, SessionSettings } from './protocol';

type Command<Kind extends HostCommand['kind']> = Extract<HostCommand, { kind: Kind }>;

/** A model that is measured in this process, for as long as it may be measured again. */
export class ProfiledModel {
  private constructor(
    private readonly command: Command<'profile'>,
    private readonly settings: SessionSettings,
    private readonly session: ModelSession,
  ) {}

  /** @throws EcomapError as `ModelSession.load` */
  static async load(command: Command<'profile'>, settings: SessionSettings): Promise<ProfiledModel> {
    return new ProfiledModel(command, settings, await open(command, settings));
  }

  /** @throws EcomapError INPUT_MISMATCH */
  async profile(): Promise<ProfileAnswer> {
    return profileSession(this.session, this.inputs(), this.command.effort);
  }

  /** @throws EcomapError INPUT_MISMATCH */
  async rerun({ durationMs, besideCopy }: Command<'rerun'>): Promise<RerunAnswer> {
    const copy = besideCopy ? await open(this.command, this.settings) : null;
    try {
      return await rerunSession(this.session, copy, this.inputs(), durationMs);
    } finally {
      await copy?.release();
    }
  }

  release(): Promise<void> {
    return this.session.release();
  }

  private inputs(): NamedTensors {
    return patternInputs(this.session.signature, this.command.dims, this.command.inputDims);
  }
}

function open({ path, sha256, stage }: Command<'profile'>, settings: SessionSettings): Promise<ModelSession> {
  return ModelSession.load(path, sha256, settings, stage);
}
