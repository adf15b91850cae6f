import assert from 'node:assert/strict';
import { DeviceModel, type ClockState } from '../../../../src/simulation/devices';
import { isWithin, lineOf, measuredRows, type Comparison } from './measured-tables';

/** Holds the simulator against every measured row that one of its laws covers. The bounds are those stated with the laws. */
describe('simulated devices against measurements', () => {
  const xavier = new DeviceModel('agx-xavier');
  const orin = new DeviceModel('agx-orin');

  function check(title: string, comparisons: readonly Comparison[]): void {
    console.log(
      `\n        ${title}: measured, simulated, error\n${comparisons.map((one) => `        ${lineOf(one)}`).join('\n')}`,
    );
    const outside = comparisons.filter((one) => !isWithin(one));
    assert.deepEqual(outside.map(lineOf), []);
  }

  function rowsOrSkip(context: Mocha.Context, file: string): Record<string, string>[] {
    const rows = measuredRows(file);
    if (rows !== null) return rows;
    console.log(`        skipped: ../shared/data/${file} is not beside this checkout`);
    return context.skip();
  }

  const alone = (model: DeviceModel, network: string, clocks: ClockState, unit: 'gpu' | 'dla0' | 'cpu' = 'gpu') => {
    const outcome = model.run([{ network, stages: [{ unit }], ratePerS: null }], clocks);
    const [result] = outcome.networks;
    assert.ok(result !== undefined && result.latencyMs !== null);
    return { ms: result.latencyMs, powerW: outcome.powerW, energyJ: outcome.energyPerInferenceJ ?? 0 };
  };

  const torchNames: Readonly<Record<string, string>> = {
    lraspp_mbv3: 'lraspp-mobilenetv3',
    dlv3_mbv3: 'deeplabv3-mobilenetv3',
    fcn_r50: 'fcn-resnet50',
    dlv3_r50: 'deeplabv3-resnet50',
    fcn_r101: 'fcn-resnet101',
    dlv3_r101: 'deeplabv3-resnet101',
  };

  it('AGX Xavier, PyTorch fp32 in four modes: latency, module power, joules', function () {
    const rows = rowsOrSkip(this, 'agx-xavier-power-modes.csv');
    assert.equal(rows.length, 24);
    const comparisons: Comparison[] = [];
    const dynamicW = new Map<string, { measured: number; simulated: number }>();
    for (const row of rows) {
      const [mode, model] = [row['mode'] ?? '', row['model'] ?? ''];
      const clocks = xavier.mode(mode);
      const { ms, powerW, energyJ } = alone(xavier, torchNames[model] ?? model, clocks);
      const small = model.endsWith('mbv3');
      const low = model === 'lraspp_mbv3' && (mode === 'MODE_15W' || mode === 'MODE_30W_ALL');
      const what = `${mode} ${model}`;
      const ofLatency = small ? ([-0.05, 0.05] as const) : ([-0.025, 0.025] as const);
      // For single networks nothing is stated; the mean of the heavy ones is compared below.
      const ofPower = low ? ([-0.11, 0] as const) : ([-0.065, 0.065] as const);
      comparisons.push({
        what,
        quantity: 'ms',
        measured: Number(row['latency_ms']),
        simulated: ms,
        stated: ofLatency,
      });
      comparisons.push({
        what,
        quantity: 'W',
        measured: Number(row['run_w']),
        simulated: powerW,
        stated: ofPower,
        ...(low ? { exception: 'stated: its power above idle is 22-26 % too low; here 14-19 %' } : {}),
      });
      if (row['e_total_j'] !== '') {
        comparisons.push({
          what,
          quantity: 'J',
          measured: Number(row['e_total_j']),
          simulated: energyJ,
          stated: [(1 + ofLatency[0]) * (1 + ofPower[0]) - 1, (1 + ofLatency[1]) * (1 + ofPower[1]) - 1],
        });
      }
      if (!small) {
        const sums = dynamicW.get(mode) ?? { measured: 0, simulated: 0 };
        sums.measured += (Number(row['run_w']) - Number(row['idle_w'])) / 4;
        sums.simulated += (powerW - xavier.idleW(clocks)) / 4;
        dynamicW.set(mode, sums);
      }
    }
    assert.equal(dynamicW.size, 4);
    for (const [mode, sums] of dynamicW) {
      comparisons.push({
        what: `${mode}, four heavy networks, above idle`,
        quantity: 'W',
        ...sums,
        stated: [-0.05, 0.05],
      });
    }
    check('AGX Xavier, PyTorch fp32, 512x384', comparisons);
  });

  it('AGX Xavier, other networks and core counts of the same log', () => {
    const modes = ['MODE_10W', 'MODE_15W', 'MODE_30W_ALL', 'MAXN'];
    // ms and joules per inference in these four modes, as published.
    const tables: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
      'deeplabv3-resnet50-768x576': [
        [2415, 20.4],
        [977, 13.8],
        [734, 12.9],
        [506, 16.5],
      ],
      'deeplabv3-resnet50-768x576-fp16': [
        [504, 4.5],
        [218, 3.4],
        [168, 3.3],
        [124, 4.2],
      ],
      'mask-rcnn': [
        [492, 4.4],
        [255, 3.5],
        [200, 3.3],
        [143, 4.1],
      ],
    };
    const comparisons = Object.entries(tables).flatMap(([network, measured]) =>
      modes.flatMap((mode, index): Comparison[] => {
        const [measuredMs, measuredJ] = measured[index] ?? [0, 0];
        const { ms, energyJ } = alone(xavier, network, xavier.mode(mode));
        // Heavy ones follow the clock, Mask R-CNN waits for the host as well.
        const bound = network === 'mask-rcnn' ? 0.106 : 0.025;
        const what = `${mode} ${network}`;
        return [
          { what, quantity: 'ms', measured: measuredMs, simulated: ms, stated: [-bound, bound] },
          { what, quantity: 'J', measured: measuredJ, simulated: energyJ, stated: [-0.1, 0.1] },
        ];
      }),
    );
    for (const mode of ['MODE_30W_2CORE', 'MODE_30W_4CORE', 'MODE_30W_6CORE']) {
      comparisons.push({
        what: `${mode} deeplabv3-resnet50-768x576`,
        quantity: 'ms',
        measured: 734.3,
        simulated: alone(xavier, 'deeplabv3-resnet50-768x576', xavier.mode(mode)).ms,
        stated: [-0.025, 0.025],
      });
    }
    check('AGX Xavier, PyTorch, other networks', comparisons);
  });

  it('AGX Xavier and AGX Orin, TensorRT INT8 single stream at the clocks of MLPerf: latency and watts at the wall', function () {
    const rows = rowsOrSkip(this, 'mlperf-jetson-clock-latency-power.csv');
    const boards = { AGX_Xavier: xavier, Orin: orin } as const;
    const comparisons: Comparison[] = [];
    const left = new Map<string, number>();
    for (const row of rows) {
      const device = row['device'] ?? '';
      const model = device === 'AGX_Xavier' || device === 'Orin' ? boards[device] : null;
      const benchmark = row['benchmark'] === 'bert' ? 'bert-99' : row['benchmark'];
      const network = `${benchmark}-int8`;
      const covered =
        row['scenario'] === 'SingleStream' && model?.networks.some((one) => one.name === network) === true;
      if (!covered || model === null) {
        const why =
          model === null
            ? 'another board'
            : row['scenario'] === 'SingleStream'
              ? `${device}: no law for ${benchmark}`
              : `${device}: no law for ${row['scenario']}`;
        left.set(why, (left.get(why) ?? 0) + 1);
        continue;
      }
      const clocks: ClockState = {
        gpuMhz: Number(row['gpu_mhz']),
        tpcs: model.board.gpu.tpcs,
        cpuMhz: Number(row['cpu_khz']) / 1000,
        cores: Number(row['cpu_cores']),
        emcMhz: Number(row['emc_mhz']),
        dlaMhz: Number(row['dla_mhz']),
      };
      const { ms, powerW } = alone(model, network, clocks);
      const what = `${device} ${row['mlperf_version']} ${network} GPU ${row['gpu_mhz']} MHz`;
      const rnnt = network === 'rnnt-int8';
      comparisons.push({
        what,
        quantity: 'ms',
        measured: Number(row['mean_latency_ms']),
        simulated: ms,
        stated: rnnt ? [-0.09, 0.04] : [-0.04, 0.04],
        ...(rnnt ? { exception: 'stated: -9 %' } : {}),
      });
      if (row['wall_watts_median'] === '') continue;
      const idleW = Number(row['wall_watts_min_idle']);
      comparisons.push({
        what,
        quantity: 'W',
        measured: Number(row['wall_watts_median']),
        simulated: idleW + powerW - model.idleW(clocks),
        stated: [-0.05, 0.05],
      });
    }
    console.log(`        rows that no law covers: ${[...left].map(([why, count]) => `${count} ${why}`).join('; ')}`);
    // Six networks at three or four clocks on the Xavier, four at two on the Orin; watts where they were measured.
    assert.deepEqual(
      [
        comparisons.filter((one) => one.quantity === 'ms').length,
        comparisons.filter((one) => one.quantity === 'W').length,
      ],
      [32, 16],
    );
    check("MLPerf INT8, watts at the wall over the run's own idle", comparisons);
  });

  it('AGX Xavier, ResNet-50 on the CPU in five modes: latency and watts at the wall above idle', function () {
    const rows = rowsOrSkip(this, 'mlperf-v1.1-agx-xavier-cpu-accuracy-latency-power.csv');
    const comparisons: Comparison[] = [];
    const seen = new Set<string>();
    for (const row of rows.filter((one) => one['model'] === 'resnet50')) {
      const [, id, runtime] = /power\.(\d)-.*-(armnn|tflite)-/.exec(row['system'] ?? '') ?? [];
      const mode = xavier.modes.find((one) => one.id === Number(id));
      assert.ok(mode !== undefined && runtime !== undefined);
      // One row is in the file twice.
      if (seen.has(`${id} ${runtime}`)) continue;
      seen.add(`${id} ${runtime}`);
      const clocks = xavier.mode(mode.name);
      const { ms, powerW } = alone(xavier, `resnet50-${runtime}`, clocks, 'cpu');
      const what = `${mode.name} resnet50 ${runtime}`;
      comparisons.push({
        what,
        quantity: 'ms',
        measured: Number(row['mean_latency_ms']),
        simulated: ms,
        stated: [-0.11, 0.11],
      });
      comparisons.push({
        what: `${what}, above idle`,
        quantity: 'W',
        measured: Number(row['wall_watts_median']) - Number(row['wall_watts_min_idle']),
        simulated: powerW - xavier.idleW(clocks),
        stated: runtime === 'armnn' ? [-0.14, 0.15] : [-0.13, 0.34],
      });
    }
    assert.equal(comparisons.length, 20);
    check('AGX Xavier CPU, ResNet-50', comparisons);
  });

  it('AGX Xavier, the ladder of image classifiers on the CPU in MAXN: latency, watts, accuracy', function () {
    const rows = rowsOrSkip(this, 'mlperf-v1.0-xavier-rpi4-cpu-accuracy-latency-power.csv');
    const comparisons: Comparison[] = [];
    for (const network of xavier.networks.filter((one) => one.source.includes('v1.0 (Krai)'))) {
      const name = network.name.replace(/-tflite$/, '');
      const wanted = [
        name,
        `${name}-non-quantized`,
        name.replace(/-int8$/, '-quantized'),
        name.replace(/^(mobilenet-v3-\w+)-224$/, '$1_224_1.0_float'),
      ];
      const row = rows.find(
        (one) => /^xavier-power\.0-fan\.cool-tflite/.test(one['system'] ?? '') && wanted.includes(one['model'] ?? ''),
      );
      assert.ok(row !== undefined, name);
      const clocks = xavier.mode('MAXN');
      const { ms, powerW } = alone(xavier, network.name, clocks, 'cpu');
      assert.ok(Math.abs(Number(row['top1_accuracy_percent']) - (network.accuracyPercent ?? 0)) < 0.01, name);
      comparisons.push({
        what: name,
        quantity: 'ms',
        measured: Number(row['mean_latency_ms']),
        simulated: ms,
        stated: [-0.01, 0.01],
      });
      comparisons.push({
        what: `${name}, above idle`,
        quantity: 'W',
        measured: Number(row['wall_watts_median']) - Number(row['wall_watts_min_idle']),
        simulated: powerW - xavier.idleW(clocks),
        stated: [-0.02, 0.02],
      });
    }
    assert.equal(comparisons.length, 16);
    check('AGX Xavier CPU, TFLite, MAXN', comparisons);
  });

  it('AGX Xavier, TensorRT fp16 at full clocks', function () {
    const rows = rowsOrSkip(this, 'torch2trt-agx-xavier-fp16-latency.csv');
    assert.equal(rows.length, 18);
    const comparisons = rows.map((row): Comparison => {
      const plain = (row['model'] ?? '')
        .replace(/_x1_0$/, '')
        .replace(/_v2$/, 'v2')
        .replace(/(\d)_(\d)$/, '$1.$2');
      return {
        what: row['model'] ?? '',
        quantity: 'ms',
        measured: Number(row['tensorrt_ms']),
        simulated: alone(xavier, `${plain}-fp16`, xavier.mode('MAXN')).ms,
        stated: [-0.001, 0.001],
      };
    });
    check('AGX Xavier, torch2trt fp16 (one point each, so the law passes through it)', comparisons);
  });

  it('AGX Xavier, DLA: slower than the GPU as published', () => {
    const maxn = xavier.mode('MAXN');
    check('AGX Xavier, GPU and DLA', [
      {
        what: 'googlenet fp16, GPU',
        quantity: 'ms',
        measured: 1.96,
        simulated: alone(xavier, 'googlenet-fp16', maxn).ms,
        stated: [-0.01, 0.01],
      },
      {
        what: 'googlenet fp16, DLA',
        quantity: 'ms',
        measured: 3.66,
        simulated: alone(xavier, 'googlenet-fp16', maxn, 'dla0').ms,
        stated: [-0.01, 0.01],
      },
    ]);
  });

  it('AGX Xavier, DeepLab-R101 once in one, two or three seconds: mean power', () => {
    // The log does not name the mode; its figures are those of the 15 W mode.
    const clocks = xavier.mode('MODE_15W');
    const comparisons = [11.7, 8.4, 7.5].map((measured, index): Comparison => ({
      what: `deeplabv3-resnet101 every ${index + 1} s, MODE_15W`,
      quantity: 'W',
      measured,
      simulated: xavier.run(
        [{ network: 'deeplabv3-resnet101', stages: [{ unit: 'gpu' }], ratePerS: 1 / (index + 1) }],
        clocks,
      ).powerW,
      stated: [-0.08, 0.08],
    }));
    check('AGX Xavier, part load', comparisons);
  });

  it('AGX Orin, PyTorch fp32 in four modes: latency and module power', () => {
    // ms / W as published, in MODE_15W, MODE_30W, MODE_50W and MAXN.
    const tables: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
      lraspp_mbv3: [
        [28.2, 10.48],
        [18.8, 12.44],
        [20.8, 12.12],
        [14.6, 15.49],
      ],
      dlv3_mbv3: [
        [36.4, 10.92],
        [23.7, 13.59],
        [25.8, 13.09],
        [18.4, 17.31],
      ],
      fcn_r50: [
        [104.0, 16.87],
        [73.5, 22.12],
        [58.5, 26.72],
        [44.5, 40.46],
      ],
      dlv3_r50: [
        [117.8, 16.33],
        [81.6, 21.78],
        [65.1, 26.4],
        [49.5, 40.29],
      ],
      fcn_r101: [
        [165.4, 17.09],
        [111.6, 23.35],
        [87.6, 28.88],
        [66.6, 43.41],
      ],
      dlv3_r101: [
        [179.1, 16.92],
        [120.5, 22.9],
        [95.1, 28.34],
        [71.0, 43.37],
      ],
    };
    const comparisons = Object.entries(tables).flatMap(([model, cells]) =>
      ['MODE_15W', 'MODE_30W', 'MODE_50W', 'MAXN'].flatMap((mode, index): Comparison[] => {
        const [measuredMs, measuredW] = cells[index] ?? [0, 0];
        const { ms, powerW } = alone(orin, torchNames[model] ?? model, orin.mode(mode));
        const what = `${mode} ${model}`;
        return [
          { what, quantity: 'ms', measured: measuredMs, simulated: ms, stated: [-0.05, 0.05] },
          { what, quantity: 'W', measured: measuredW, simulated: powerW, stated: [-0.07, 0.07] },
        ];
      }),
    );
    check('AGX Orin 64 GB, PyTorch fp32, 512x384', comparisons);
  });

  it('Orin NX: what a vendor measured under full load, which the scaled laws only come near', () => {
    const nx = new DeviceModel('orin-nx-16gb');
    const full = (mode: string): number => nx.powerW(nx.mode(mode), { gpu: 1, cpuCores: nx.mode(mode).cores });
    const exception = 'assumption: half an AGX Orin; the load of the measurement is not known';
    check('Orin NX 16 GB, all units busy', [
      { what: 'idle', quantity: 'W', measured: 4.6, simulated: nx.idleW(nx.mode('25W')), stated: [-0.01, 0.01] },
      { what: '25W', quantity: 'W', measured: 16.9, simulated: full('25W'), stated: [-0.25, 0.25], exception },
      { what: '40W', quantity: 'W', measured: 27.6, simulated: full('40W'), stated: [-0.25, 0.25], exception },
      {
        what: 'MAXN_SUPER',
        quantity: 'W',
        measured: 29.4,
        simulated: full('MAXN_SUPER'),
        stated: [-0.25, 0.25],
        exception,
      },
    ]);
  });
});
