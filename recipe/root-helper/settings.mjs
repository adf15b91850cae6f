// What the helper may set, and how: each setting is known by its key, checked against what the machine itself offers, read back.
import { execFile } from 'node:child_process';
import { open, readFile, realpath } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';

/** An answer that is no: `denied` is not on the list, `refused` is on it but not this value or not now, `failed` is the machine's. */
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const clockKinds = {
  'gpu-clock': /^\/sys\/(?:class\/devfreq|devices\/[\w.:@/-]{1,80}\/devfreq(?:_dev)?)(?:\/[\w.-]{1,40})?\/max_freq$/,
  'cpu-clock': /^\/sys\/devices\/system\/cpu\/(?:cpufreq\/policy|cpu)\d{1,4}(?:\/cpufreq)?\/scaling_max_freq$/,
  rapl: /^\/sys\/class\/powercap\/intel-rapl(?:-mmio)?:\d{1,3}\/constraint_0_power_limit_uw$/,
};
const gpuName = /(?:gv11b|gp10b|ga10b|gb10b|\bgpu)/;
/** What `allow` of the configuration may name. */
export const kinds = [...Object.keys(clockKinds), 'nvidia-smi'];
/** A processor below this share of its rating hardly works. */
const leastRaplShare = 0.25;
const leastRaplUw = 5_000_000;
const toolTimeoutMs = 10_000;

const wholeNumber = (text) => (/^\d{1,15}$/.test(text) ? Number(text) : null);

/** @param {{root: string, allow: string[], nvpmodelModes: number[], programs: Record<string, string>}} options */
export function knownSettings({ root, allow, nvpmodelModes, programs }) {
  const at = (path) => join(root, path);
  const text = async (path) => (await readFile(at(path), 'utf8')).replaceAll('\0', '').trim();
  const number = async (path) => wholeNumber(await text(path).catch(() => ''));
  const run = (program, args) =>
    new Promise((resolve) => {
      const options = {
        timeout: toolTimeoutMs,
        killSignal: 'SIGKILL',
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      };
      const child = execFile(programs[program], args, options, (error, stdout, stderr) => {
        const exitCode = typeof error?.code === 'number' ? error.code : error ? null : 0;
        resolve({ exitCode, text: `${stdout}\n${stderr}`.trim().slice(0, 2000) });
      });
      // A prompt (nvpmodel asks whether to reboot) is never answered.
      child.stdin?.end();
    });

  /** The path behind links must still be in /sys: nobody can lead the helper elsewhere. */
  async function confined(path) {
    const real = await realpath(at(path)).catch(() => null);
    const sys = await realpath(at('/sys')).catch(() => null);
    if (real === null || sys === null) throw new Refusal('refused', `there is no ${path}`);
    if (!real.startsWith(`${sys}/`)) throw new Refusal('denied', `${path} leads out of /sys`);
    return real;
  }

  const allowedValue = {
    'gpu-clock': async (path, value) => {
      const table = (await text(path.replace(/max_freq$/, 'available_frequencies')).catch(() => '')).split(/\s+/);
      return table.includes(value);
    },
    'cpu-clock': async (path, value) => {
      const beside = (file) => path.replace(/scaling_max_freq$/, file);
      const table = (await text(beside('scaling_available_frequencies')).catch(() => '')).split(/\s+/).filter(Boolean);
      if (table.length > 0) return table.includes(value);
      const least = await number(beside('cpuinfo_min_freq'));
      const most = await number(beside('cpuinfo_max_freq'));
      return least !== null && most !== null && Number(value) >= least && Number(value) <= most;
    },
    rapl: async (path, value, before) => {
      const rated = await number(path.replace(/power_limit_uw$/, 'max_power_uw'));
      const least = rated === null || rated === 0 ? leastRaplUw : rated * leastRaplShare;
      return Number(value) >= least && Number(value) <= Math.max(rated ?? 0, Number(before));
    },
  };

  function fileSetting(key, path) {
    const kind = allow.find((name) => clockKinds[name]?.test(path));
    if (kind === undefined || path.includes('..') || (kind === 'gpu-clock' && !gpuName.test(path))) {
      throw new Refusal('denied', `${key.slice(0, 200)} is not on the list of this helper`);
    }
    return {
      key,
      read: () => text(path),
      async check(value, before) {
        await confined(path);
        if (wholeNumber(value) === null || !(await allowedValue[kind](path, value, before))) {
          throw new Refusal('refused', `${value} is no value that ${path} offers`);
        }
      },
      async write(value) {
        const file = await open(await confined(path), constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW);
        try {
          await file.write(value);
        } finally {
          await file.close();
        }
      },
      same: (a, b) => a === b || (kind === 'rapl' && Math.abs(Number(a) - Number(b)) <= 125_000),
    };
  }

  const nvpmodel = {
    key: 'nvpmodel',
    async read() {
      // The number stands alone on the last line of the answer.
      const { text: answer } = await run('nvpmodel', ['-q']);
      const id = answer
        .split('\n')
        .findLast((line) => /^\d{1,3}$/.test(line.trim()))
        ?.trim();
      if (id === undefined) throw new Refusal('failed', `nvpmodel does not tell the mode: ${answer.slice(0, 200)}`);
      return id;
    },
    async check(value) {
      if (!nvpmodelModes.includes(wholeNumber(value))) {
        throw new Refusal('denied', `the mode ${value} is not on the list of this helper`);
      }
      const conf = await text('/etc/nvpmodel.conf').catch(() => '');
      if (!new RegExp(`<\\s*POWER_MODEL\\b[^>]*\\bID=${value}\\b`).test(conf)) {
        throw new Refusal('refused', `there is no mode ${value} in /etc/nvpmodel.conf`);
      }
    },
    // Never --force: it reboots by itself.
    write: (value) => run('nvpmodel', ['-m', value]),
    same: (a, b) => a === b,
  };

  function nvidia(key, uuid) {
    if (!allow.includes('nvidia-smi') || !/^GPU-[0-9a-f-]{1,60}$/i.test(uuid)) {
      throw new Refusal('denied', `${key.slice(0, 200)} is not on the list of this helper`);
    }
    const query = async () => {
      const fields = '--query-gpu=power.limit,power.min_limit,power.max_limit';
      const { text: answer } = await run('nvidia-smi', ['-i', uuid, fields, '--format=csv,noheader,nounits']);
      return answer.split(',').map((cell) => Number(cell.trim()));
    };
    return {
      key,
      read: async () => String((await query())[0]),
      async check(value) {
        const [, least, most] = await query();
        const watts = /^\d{1,4}(\.\d{1,2})?$/.test(value) ? Number(value) : Number.NaN;
        if (!(watts >= least && watts <= most))
          throw new Refusal('refused', `${value} W is not between ${least} and ${most} W`);
      },
      write: (value) => run('nvidia-smi', ['-i', uuid, '-pl', value]),
      same: (a, b) => Math.abs(Number(a) - Number(b)) <= 0.05,
    };
  }

  /** @throws Refusal for a key that is not on the list */
  return (key) => {
    if (key === 'nvpmodel' && nvpmodelModes.length > 0) return nvpmodel;
    if (key.startsWith('file:')) return fileSetting(key, key.slice('file:'.length));
    if (key.startsWith('nvidia-smi:')) return nvidia(key, key.slice('nvidia-smi:'.length));
    throw new Refusal('denied', `${key.slice(0, 200)} is not on the list of this helper`);
  };
}
