/**
 * The text of a program that prints the lines of NVIDIA's `tegrastats` from the tree's files, in the shapes of JetPack 4, 5
 * and 6 (public logs). Like the simulated nvpmodel it stands alone and takes the folder two levels up for `/`.
 */
export const tegrastatsProgram = String.raw`'use strict';
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const simulation = '/run/simulated-device';
const read = (name) => { try { return fs.readFileSync(path.join(root, name), 'utf8').trim(); } catch { return null; } };
const facts = JSON.parse(read(simulation + '/programs.json'));
const number = (name) => { const text = read(name); return text === null ? null : Number.parseFloat(text); };

let intervalMs = 1000;
let logFile = null;
const words = process.argv.slice(2);
for (let index = 0; index < words.length; index += 1) {
  const word = words[index];
  if (word === '--interval') intervalMs = Number(words[++index]);
  else if (word === '--logfile') logFile = words[++index];
  else if (word === '--stop') process.exit(0);
  else if (word === '--readall' || word === '--start') continue;
  else if (word === '--help') {
    process.stdout.write('Usage: tegrastats [--interval ms] [--logfile file] [--stop] [--readall]\n');
    process.exit(0);
  } else {
    process.stderr.write('tegrastats: unknown option ' + word + '\n');
    process.exit(1);
  }
}
if (!(intervalMs > 0)) intervalMs = 1000;

const ticks = () => {
  const perCore = new Map();
  for (const line of (read('/proc/stat') ?? '').split('\n')) {
    const match = /^cpu(\d+) (.*)/.exec(line);
    if (!match) continue;
    const counts = match[2].split(' ').map(Number);
    const all = counts.reduce((sum, count) => sum + count, 0);
    perCore.set(Number(match[1]), { all, busy: all - counts[3] });
  }
  return perCore;
};
let before = ticks();

function cpus() {
  const now = ticks();
  const cores = [];
  for (let core = 0; core < facts.cores; core += 1) {
    const folder = '/sys/devices/system/cpu/cpu' + core;
    if (read(folder + '/online') === '0') { cores.push('off'); continue; }
    const [a, b] = [before.get(core), now.get(core)];
    const load = a && b && b.all > a.all ? Math.round((100 * (b.busy - a.busy)) / (b.all - a.all)) : 0;
    cores.push(load + '%@' + Math.floor((number(folder + '/cpufreq/scaling_cur_freq') ?? 0) / 1000));
  }
  before = now;
  return cores.join(',');
}

const sums = new Map();
function rails() {
  return facts.rails.flatMap(({ label, voltage, current, power }) => {
    const milliwatts = power !== null ? number(power) : number(voltage) === null ? null : (number(voltage) * number(current)) / 1000;
    // A rail that cannot be read is left out, as a rail that is not there.
    if (milliwatts === null || Number.isNaN(milliwatts)) return [];
    const seen = sums.get(label) ?? { sum: 0, count: 0 };
    seen.sum += milliwatts;
    seen.count += 1;
    sums.set(label, seen);
    const unit = facts.jetPack === 4 ? '' : 'mW';
    return [label + ' ' + Math.round(milliwatts) + unit + '/' + Math.round(seen.sum / seen.count) + unit];
  }).join(' ');
}

function temperatures() {
  const zones = [];
  for (let zone = 0; ; zone += 1) {
    const type = read('/sys/class/thermal/thermal_zone' + zone + '/type');
    if (type === null) break;
    const degrees = (number('/sys/class/thermal/thermal_zone' + zone + '/temp') ?? 0) / 1000;
    zones.push(type.replace(/-(therm(al)?|Die|fan-est)$/, '') + '@' + degrees + 'C');
  }
  return zones.join(' ');
}

function line() {
  const two = (value) => String(value).padStart(2, '0');
  const time = new Date();
  const date = two(time.getMonth() + 1) + '-' + two(time.getDate()) + '-' + time.getFullYear() + ' ' +
    two(time.getHours()) + ':' + two(time.getMinutes()) + ':' + two(time.getSeconds()) + ' ';
  const used = Math.round(facts.memoryMb * 0.13);
  const gpuLoad = Math.round((number(facts.gpu.load) ?? 0) / 10);
  const gpuMhz = Math.floor((number(facts.gpu.devfreq + '/cur_freq') ?? 0) / 1e6);
  const emcMhz = Math.floor((number(facts.emcRate) ?? 0) / 1e6);
  const gpu = facts.jetPack === 4 ? gpuLoad + '%'
    : facts.cores === 8 && facts.gpu.devfreq.includes('gv11b') ? gpuLoad + '%@' + gpuMhz
    : gpuLoad + '%@[' + Array(facts.gpu.clusters).fill(gpuMhz).join(',') + ']';
  const engines = facts.jetPack === 6
    ? ['NVDEC off NVJPG off NVJPG1 off VIC off OFA off', ...Array.from({ length: facts.dlas }, (_, dla) => 'NVDLA' + dla + ' off'), 'APE 174'].join(' ')
    : facts.jetPack === 5 ? 'VIC_FREQ 115 APE 150' : '';
  return [
    (facts.jetPack === 4 ? '' : date) + 'RAM ' + used + '/' + facts.memoryMb + 'MB (lfb 424x4MB)',
    'SWAP 0/' + Math.floor(facts.memoryMb / 2) + 'MB (cached 0MB)',
    'CPU [' + cpus() + ']',
    'EMC_FREQ ' + Math.round(gpuLoad / 4) + '%' + (facts.jetPack === 4 ? '' : '@' + emcMhz),
    'GR3D_FREQ ' + gpu,
    engines,
    temperatures(),
    rails(),
  ].filter((part) => part !== '').join(' ');
}

function print() {
  const text = line() + '\n';
  try { if (logFile === null) fs.writeSync(1, text); else fs.appendFileSync(logFile, text); }
  catch { process.exit(0); }
}

print();
setInterval(print, intervalMs);
`;
