/**
 * The text of a program that behaves as NVIDIA's `nvpmodel` does in public reports: options, output, exit codes, the reboot
 * prompt when a mask changes, and reading and writing the tree's files. It stands alone: it is run as a program of its own,
 * from `usr/sbin` of the tree, and takes the folder two levels up for `/`.
 */
export const nvpmodelProgram = String.raw`'use strict';
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const at = (name) => path.join(root, name);
const simulation = '/run/simulated-device';
const facts = JSON.parse(fs.readFileSync(at(simulation + '/programs.json'), 'utf8'));
const readText = (name) => fs.readFileSync(at(name), 'utf8').trim();
const readIfThere = (name) => { try { return readText(name); } catch { return null; } };
const fault = readIfThere(simulation + '/nvpmodel-fault');
const say = (text) => fs.writeSync(1, text + '\n');
const complain = (text) => fs.writeSync(2, text + '\n');
const largest = 2147483647;

class Refused extends Error {}

function parseOptions(words) {
  const chosen = { conf: '/etc/nvpmodel.conf' };
  const value = (index) => {
    if (words[index + 1] === undefined) throw new Refused('option ' + words[index] + ' needs a value');
    return words[index + 1];
  };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word === '-h' || word === '--help') chosen.help = true;
    else if (word === '--verbose') chosen.verbose = true;
    else if (word === '-q' || word === '--query') chosen.query = true;
    else if (word === '-p' || word === '--parse') chosen.parse = true;
    else if (word === '-u' || word === '--udata' || word === '--boot') continue;
    else if (word === '--force' && facts.jetPack >= 5) chosen.force = true;
    else if (word === '-m' || word === '--mode') chosen.mode = value(index++);
    else if (word === '-f' || word === '--conf') chosen.conf = value(index++);
    else if (word === '-w' || word === '--wait' || word === '-o' || word === '--os') value(index++);
    else if (word === '-d' && facts.jetPack === 4) chosen.fan = value(index++);
    else throw new Refused('unknown option ' + word);
  }
  return chosen;
}

function parseConf(name) {
  let text;
  try { text = fs.readFileSync(at(name), 'utf8'); }
  catch (error) { throw new Refused('Error opening ' + name + ': ' + Math.abs(error.errno ?? 2)); }
  const conf = { params: new Map(), modes: [], defaultId: null, fan: null };
  let section = null;
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*/, '').trim();
    if (line === '') continue;
    const head = /^<\s*(PARAM|POWER_MODEL|PM_CONFIG|FAN_CONFIG)\s+(.*?)\s*>$/.exec(line);
    if (head) {
      const fields = Object.fromEntries(head[2].split(/\s+/).map((field) => field.split('=')));
      if (head[1] === 'PARAM') {
        section = { type: fields.TYPE, name: fields.NAME, args: new Map() };
        conf.params.set(fields.NAME, section);
      } else if (head[1] === 'POWER_MODEL') {
        section = { id: Number(fields.ID), name: fields.NAME, values: [] };
        conf.modes.push(section);
      } else if (head[1] === 'PM_CONFIG') { conf.defaultId = Number(fields.DEFAULT); section = null; }
      else { conf.fan = fields.DEFAULT; section = null; }
      continue;
    }
    const words = line.split(/\s+/);
    if (section && section.args) section.args.set(words[0], words.slice(1));
    else if (section && section.values) section.values.push({ param: words[0], arg: words[1], value: words[2] });
  }
  if (conf.defaultId === null) throw new Refused('PM_CONFIG is not defined');
  return conf;
}

/** Where a setting of a mode goes; null when this kernel has no such file. */
function placeOf(conf, { param, arg }) {
  const section = conf.params.get(param);
  const words = section && section.args.get(arg);
  if (!words) return null;
  if (section.type === 'HWMON') {
    const hwmon = fs.existsSync(at(words[0])) ? fs.readdirSync(at(words[0])).find((name) => /^hwmon\d+$/.test(name)) : undefined;
    return hwmon ? words[0] + '/' + hwmon + '/' + words[1] : words[0] + '/' + words[1];
  }
  if (fs.existsSync(at(words[0]))) return words[0];
  const next = section.args.get(arg + '_KNEXT');
  return next && fs.existsSync(at(next[0])) ? next[0] : words[0];
}

/** Writes as the kernel takes it: clocks become steps of their table. */
function write(name, value) {
  const folder = path.dirname(name);
  let text = value;
  if (/scaling_(max|min)_freq$/.test(name)) {
    const table = readText(folder + '/scaling_available_frequencies').split(/\s+/).map(Number);
    const wanted = Number(value) < 0 ? largest : Number(value);
    text = String(table.filter((step) => step <= wanted).at(-1) ?? table[0]);
  } else if (/\/(max|min)_freq$/.test(name)) {
    const table = readText(folder + '/available_frequencies').split(/\s+/).map(Number);
    const wanted = Number(value) < 0 ? largest : Number(value);
    text = String(table.find((step) => step >= wanted) ?? table.at(-1));
  } else if (Number(value) < 0) text = String(largest);
  // No O_CREAT: what the kernel does not offer is an error.
  const file = fs.openSync(at(name), fs.constants.O_WRONLY | fs.constants.O_TRUNC);
  try { fs.writeSync(file, text + '\n'); } finally { fs.closeSync(file); }
}

function currentId() {
  const found = /pmode:(\d+)/.exec(readIfThere(facts.status) ?? '');
  return found ? Number(found[1]) : null;
}

function store(id) {
  const fan = facts.jetPack === 4 ? ' fmode:' + ((/fmode:(\S+)/.exec(readIfThere(facts.status) ?? '') ?? [])[1] ?? 'fan_mode_cool') : '';
  fs.writeFileSync(at(facts.status), 'pmode:' + String(id).padStart(4, '0') + fan + '\n');
}

const nameOf = (conf, id) => (conf.modes.find((mode) => mode.id === id) ?? { name: 'unknown' }).name;

function query(conf, options) {
  const id = currentId() ?? conf.defaultId;
  if (options.verbose) say('NVPM VERB: parsing done for ' + options.conf);
  if (facts.jetPack === 4) say('NV Fan Mode:' + (conf.fan ?? 'cool'));
  else if (facts.jetPack === 5) say('NVPM WARN: fan mode is not set!');
  say((options.verbose ? 'NVPM VERB: Current mode: ' : '') + 'NV Power Mode: ' + nameOf(conf, id));
  say(String(id));
  if (!options.verbose) return;
  say('NVPM VERB: PM_CONFIG: DEFAULT=' + nameOf(conf, conf.defaultId) + '(' + conf.defaultId + ')');
  say('NVPM VERB: ACTIVE=' + nameOf(conf, id) + '(' + id + ')');
  const mode = conf.modes.find((candidate) => candidate.id === id);
  if (!mode) return;
  say('NVPM VERB: POWER_MODEL: ID=' + id + ' NAME=' + mode.name);
  for (const setting of mode.values) {
    const place = placeOf(conf, setting);
    if (place === null) continue;
    say('NVPM VERB: ' + place + ' ' + (Number(setting.value) < 0 ? largest : setting.value));
    const real = readIfThere(place);
    if (real === null) say('NVPM ERROR: Error opening ' + place + ': 2');
    else say('NVPM VERB: value = ' + real);
  }
}

function tell(conf, options) {
  if (!options.verbose) return;
  say('NVPM VERB: parsing done for ' + options.conf);
  say('NVPM VERB: PM_CONFIG: DEFAULT=' + nameOf(conf, conf.defaultId) + '(' + conf.defaultId + ')');
  for (const section of conf.params.values()) {
    say('NVPM VERB: PARAM TYPE=' + section.type + ' NAME=' + section.name);
    for (const [arg, words] of section.args) say('NVPM VERB: ' + arg + ' ' + words.join(' '));
  }
  for (const mode of conf.modes) {
    say('NVPM VERB: POWER_MODEL: ID=' + mode.id + ' NAME=' + mode.name);
    for (const { param, arg, value } of mode.values)
      say('NVPM VERB: ' + param + ' ' + arg + ' ' + (Number(value) < 0 ? largest : value));
  }
}

/** The answer to the prompt: what a terminal or a pipe sends, empty when it is closed. */
function answer() {
  const buffer = Buffer.alloc(64);
  try { return buffer.toString('utf8', 0, fs.readSync(0, buffer)).trim(); } catch { return ''; }
}

function apply(conf, mode) {
  let failed = false;
  for (const setting of mode.values) {
    const place = placeOf(conf, setting);
    if (place === null) continue;
    try { write(place, setting.value); }
    catch (error) {
      failed = true;
      complain('NVPM ERROR: Error writing ' + setting.value + ' to ' + place + ': ' + Math.abs(error.errno ?? 5));
      complain('NVPM ERROR: failed to write PARAM ' + setting.param + ': ARG ' + setting.arg + ': PATH: ' + place + ' VAL: ' + setting.value);
    }
  }
  if (failed) throw new Refused('failed to set power mode!');
  store(mode.id);
}

function change(conf, options) {
  const id = Number(options.mode);
  const mode = conf.modes.find((candidate) => candidate.id === id);
  if (!mode) throw new Refused('invalid power model ID ' + options.mode);
  if (fault === 'denied') throw new Refused('Error opening ' + facts.status + ': 13');
  if (fault === 'exit-0-without-change') return 0;
  if (fault === 'status-without-change') { store(id); return 0; }
  const masked = mode.values.some((setting) => {
    if (!/_PG_MASK$/.test(setting.arg)) return false;
    const place = placeOf(conf, setting);
    const present = place === null ? null : readIfThere(place);
    return present !== null && Number(present) !== Number(setting.value);
  });
  if (masked && readIfThere(simulation + '/gpu-in-use') === '1') {
    complain('NVPM WARN: Golden image context is already created');
    complain('NVPM WARN: Reboot required for changing to this power mode: ' + id);
    if (!options.force) {
      complain('NVPM WARN: DO YOU WANT TO REBOOT NOW? enter YES/yes to confirm:');
      if (!/^(YES|yes)$/.test(answer())) {
        complain('NVPM ERROR: bad input!');
        throw new Refused('optMask is 1, no request for power mode');
      }
    }
    complain('NVPM WARN: rebooting');
    fs.appendFileSync(at(simulation + '/reboots'), 'mode ' + id + '\n');
  }
  apply(conf, mode);
  if (fault === 'exit-255-after-change') { complain('NVPM ERROR: failed to set power mode!'); return 255; }
  return 0;
}

function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    say('Usage: nvpmodel [-h] [--verbose] [-q] [-p] [-u] [-w seconds] [--boot] [-m ID] [-f FILE] [-o OS]');
    return 0;
  }
  if (fault === 'hang') { setInterval(() => {}, 1000); return 0; }
  const conf = parseConf(options.conf);
  if (options.fan !== undefined) say('NV Fan Mode:' + options.fan);
  if (options.mode !== undefined) return change(conf, options);
  if (options.query) query(conf, options);
  else if (options.parse) tell(conf, options);
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  complain('NVPM ERROR: ' + error.message);
  process.exitCode = 255;
}
`;
