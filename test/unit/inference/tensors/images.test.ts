import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { canaryInputs } from '../../../../src/inference/tensors/canary';
import { expectedInputs } from '../../../../src/inference/tensors/expected-inputs';
import { loadSharp } from '../../../../src/inference/host/image-decoder';
import { pixelsToTensor } from '../../../../src/inference/host/image-tensor';
import { HostProcess } from '../../../../src/inference/hosting/host-process';
import { canPin } from '../../../../src/inference/hosting/launching/host-launch';
import { encodeInputs } from '../../../../src/inference/tensors/payload';
import { openSlotDirectory, type SlotDirectory } from '../../../../src/inference/shared-memory/slot-directory';
import type { ModelSignature } from '../../../../src/inference/tensors/tensors';
import type { TensorType } from '../../../../src/signals/tensor';
import { inputDeclarationSchema } from '../../../../src/signals/tenant';
import { identityModel, onnxModel, writeModel } from '../../../support/onnx-builder';
import { codeOf, component, runOne, temporaryDirectory } from '../support';

/** Two by two: red, green; blue, dark. */
const fourPixels = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30]);
const picture = () => sharp(fourPixels, { raw: { width: 2, height: 2, channels: 3 } });
const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background }, limitInputPixels: false });

/** A PNG whose header says another size than it has. */
function claiming(width: number, height: number, png: Buffer): Buffer {
  const file = Buffer.from(png);
  file.writeUInt32BE(width, 16);
  file.writeUInt32BE(height, 20);
  file.writeUInt32BE(crc32(file.subarray(12, 29)), 29);
  return file;
}

const declare = (image: object, more: object = {}) => inputDeclarationSchema.parse({ image, ...more });
const asIs = { width: 2, height: 2, scale: 1 };

describe('images as input', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let slots: SlotDirectory;
  let host: HostProcess;
  let loads = 0;

  before(async () => {
    models = await temporaryDirectory();
    slots = await openSlotDirectory();
    host = new HostProcess({ component: component(0), slots, device: null });
    await host.start();
  });
  after(async () => {
    await host.close();
    await slots.remove();
    await models.remove();
  });

  const load = async (model: Buffer) => {
    loads += 1;
    const { path, sha256 } = await writeModel(models.path, `${loads}.onnx`, model);
    const key = String(loads);
    return { key, signature: (await host.load({ key, path, sha256 })).signature };
  };
  /** The tensor that the model sees. */
  const seen = async (
    payload: unknown,
    image: object,
    dims: readonly (number | string)[] = ['batch', 3, 2, 2],
    type: TensorType = 'float32',
  ) => {
    const { key, signature } = await load(identityModel(dims, type));
    const { outputs, ...run } = await runOne(
      host,
      key,
      encodeInputs(payload, expectedInputs(declare(image), signature)),
    );
    const { y } = outputs;
    return { dims: y?.dims, values: [...(y?.data ?? [])], ...run };
  };

  const red = [255, 0, 0, 10];
  const green = [0, 255, 0, 20];
  const blue = [0, 0, 255, 30];
  const planes = [...red, ...green, ...blue];

  it('is decoded in the host: PNG, WebP, GIF and AVIF to the last bit, JPEG nearly', async () => {
    const files = {
      png: await picture().png().toBuffer(),
      webp: await picture().webp({ lossless: true }).toBuffer(),
      gif: await picture().gif().toBuffer(),
      avif: await picture().avif({ lossless: true }).toBuffer(),
      tiff: await picture().tiff({ compression: 'lzw' }).toBuffer(),
      deep: await picture().toColourspace('rgb16').png().toBuffer(),
    };
    for (const [format, file] of Object.entries(files)) {
      const { dims, values } = await seen(file, asIs);
      assert.deepEqual(dims, [1, 3, 2, 2], format);
      assert.deepEqual(values, planes, format);
    }
    const jpeg = await picture().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    (await seen(jpeg, asIs)).values.forEach((value, index) => {
      assert.ok(Math.abs(Number(value) - (planes[index] ?? NaN)) <= 4, `JPEG: ${value} at ${index}`);
    });
  });

  it('crosses the boundary as it came, not as numbers', async () => {
    const file = await picture().png().toBuffer();
    const [spec] = expectedInputs(declare(asIs), {
      inputs: [{ name: 'x', type: 'float32', dims: ['n', 3, 2, 2] }],
      outputs: [],
    });
    assert.ok(spec !== undefined);
    const { x } = encodeInputs(file, [spec]);
    assert.deepEqual(x?.dims, [1, 3, 2, 2]);
    assert.ok(x?.data instanceof Uint8Array);
    assert.equal(x.data.buffer, file.buffer);
    assert.equal(x.data.length, file.length);
    assert.equal(x.image?.form, 'file');
  });

  it('has the declared layout and order of channels', async () => {
    const file = await picture().png().toBuffer();
    assert.deepEqual((await seen(file, { ...asIs, channels: 'bgr' })).values, [...blue, ...green, ...red]);
    const nhwc = await seen(file, { ...asIs, layout: 'nhwc' }, ['batch', 2, 2, 3]);
    assert.deepEqual(nhwc.values, [...fourPixels]);
    const bgr = await seen(file, { ...asIs, layout: 'nhwc', channels: 'bgr' }, [1, 2, 2, 3]);
    assert.deepEqual(bgr.values, [0, 0, 255, 0, 255, 0, 255, 0, 0, 30, 20, 10]);
    // 0.299 red + 0.587 green + 0.114 blue.
    const grey = await seen(file, { ...asIs, channels: 'grey' }, [1, 1, 2, 2]);
    assert.deepEqual(grey.values, [76, 150, 29, 18]);
    assert.deepEqual((await seen(file, asIs, [3, 2, 2])).dims, [3, 2, 2], 'without a batch dimension');
    assert.deepEqual((await seen(file, { ...asIs, channels: 'grey' }, [2, 2])).dims, [2, 2]);
  });

  it('is normalised as declared: (pixel * scale - mean) / deviation, per channel', async () => {
    const file = await picture().png().toBuffer();
    const mean = [0.485, 0.456, 0.406];
    const deviation = [0.229, 0.224, 0.225];
    const { values } = await seen(file, { width: 2, height: 2, mean, deviation });
    const expected = planes.map((pixel, index) => {
      const channel = Math.floor(index / 4);
      return Math.fround((pixel / 255 - (mean[channel] ?? 0)) / (deviation[channel] ?? 1));
    });
    values.forEach((value, index) => assert.ok(Math.abs(Number(value) - (expected[index] ?? NaN)) < 1e-6));
    const centred = await seen(file, { width: 2, height: 2, mean: [0.5], deviation: [0.5] });
    assert.deepEqual(centred.values.slice(0, 3), [1, -1, -1]);
  });

  it('becomes the type of the model', async () => {
    const file = await picture().png().toBuffer();
    assert.deepEqual((await seen(file, asIs, ['n', 3, 2, 2], 'uint8')).values, planes);
    assert.deepEqual((await seen(file, asIs, ['n', 3, 2, 2], 'float64')).values, planes);
    assert.deepEqual(
      (await seen(file, { ...asIs, mean: [128] }, ['n', 3, 2, 2], 'int8')).values.slice(0, 2),
      [127, -128],
    );
    const halves = await seen(file, { width: 2, height: 2 }, ['n', 3, 2, 2], 'float16');
    assert.deepEqual(halves.values.slice(0, 2), [0x3c00, 0]);
  });

  it('is made to fit: stretched, cut or padded', async () => {
    const wide = await sharp(Buffer.from([255, 255, 0, 0, 0, 0, 255, 255].flatMap((value) => [value, value, value])), {
      raw: { width: 8, height: 1, channels: 3 },
    })
      .resize(16, 8, { kernel: 'nearest', fit: 'fill' })
      .png()
      .toBuffer();
    const grey = { width: 4, height: 4, scale: 1, channels: 'grey' };
    const rows = async (fit: string) => (await seen(wide, { ...grey, fit }, [1, 1, 4, 4])).values.map(Number);
    const stretched = await rows('stretch');
    assert.ok((stretched[0] ?? 0) > 200 && (stretched[1] ?? 255) < 60 && (stretched[3] ?? 0) > 200);
    const cut = await rows('cover');
    assert.ok(
      cut.every((value) => value < 60),
      'the middle alone',
    );
    const padded = await rows('contain');
    assert.deepEqual(padded.slice(0, 4), [0, 0, 0, 0], 'a black bar');
    assert.deepEqual(padded.slice(12), [0, 0, 0, 0]);
    assert.ok((padded[4] ?? 0) > 200);
  });

  it('stands upright as its EXIF says, and is the first of several frames, without transparency', async () => {
    const corner = { input: Buffer.from([255, 255, 255]), raw: { width: 1, height: 1, channels: 3 as const } };
    const lying = await plain(3, 2, '#000')
      .composite([{ ...corner, left: 0, top: 0 }])
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const image = { width: 2, height: 3, scale: 1, channels: 'grey' };
    assert.deepEqual((await seen(lying, image, [1, 1, 3, 2])).values, [0, 255, 0, 0, 0, 0]);
    const frames = await sharp(
      [await plain(2, 2, '#f00').png().toBuffer(), await plain(2, 2, '#0f0').png().toBuffer()],
      {
        join: { animated: true },
      },
    )
      .gif()
      .toBuffer();
    assert.deepEqual((await seen(frames, asIs)).values, [255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
    const glass = Buffer.from([255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 255, 128, 10, 20, 30, 255]);
    const png = await sharp(glass, { raw: { width: 2, height: 2, channels: 4 } })
      .png()
      .toBuffer();
    assert.deepEqual((await seen(png, asIs)).values, [0, 0, 0, 10, 0, 255, 0, 20, 0, 0, 128, 30]);
  });

  it('may be raw pixels of exactly the declared size', async () => {
    for (const payload of [fourPixels, Uint8ClampedArray.from(fourPixels), { data: Uint8Array.from(fourPixels) }]) {
      assert.deepEqual((await seen(payload, asIs)).values, planes);
    }
    const inOrder = await seen(fourPixels, { ...asIs, channels: 'bgr' });
    assert.deepEqual(inOrder.values, planes, 'pixels come in the declared order already');
    const large = Buffer.alloc(3 * 200 * 200, 51);
    const { values } = await seen(large, { width: 200, height: 200 }, ['n', 3, 200, 200]);
    assert.equal(values.length, large.length);
    assert.ok(values.every((value) => value === Math.fround(0.2)));
  });

  it('leaves numbers numbers', async () => {
    const numbers = planes.map((value) => value / 3);
    const expected = [...Float32Array.from(numbers)];
    for (const payload of [
      numbers,
      Float32Array.from(numbers),
      { type: 'float32', data: numbers, dims: [1, 3, 2, 2] },
    ]) {
      assert.deepEqual((await seen(payload, { width: 2, height: 2 })).values, expected);
    }
    const described = { type: 'float32', data: Uint8Array.from(planes) };
    assert.deepEqual((await seen(described, { width: 2, height: 2 })).values, planes, 'bytes whose type is told');
  });

  it('goes with other inputs, by name', async () => {
    const model = onnxModel({
      nodes: [{ op: 'Mul', inputs: ['photo', 'gain'], output: 'y' }],
      inputs: [
        { name: 'gain', dims: [1] },
        { name: 'photo', dims: ['n', 3, 2, 2] },
      ],
      outputs: [{ name: 'y', dims: ['n', 3, 2, 2] }],
    });
    const { key, signature } = await load(model);
    const expected = expectedInputs(declare(asIs, { name: 'photo' }), signature);
    const photo = await picture().png().toBuffer();
    const { outputs } = await runOne(host, key, encodeInputs({ photo, gain: [2] }, expected));
    assert.deepEqual(
      [...(outputs['y']?.data ?? [])],
      planes.map((value) => 2 * value),
    );
    assert.throws(() => encodeInputs({ photo, gain: photo }, expected), {
      code: 'INPUT_MISMATCH',
      message: /Expected float32 \[1\]\. Got a Buffer of \d+ bytes that holds a PNG image/,
    });
  });

  it('is joined with others to a batch, each decoded for itself', async () => {
    const { key, signature } = await load(identityModel(['batch', 3, 2, 2]));
    const expected = expectedInputs(declare(asIs), signature);
    const file = await picture().png().toBuffer();
    const jpeg = await plain(300, 200, '#808080').jpeg().toBuffer();
    const requests = [file, fourPixels, jpeg, planes].map((payload) => encodeInputs(payload, expected));
    const { results } = await host.run(key, requests, { expectedMs: null, refuseNonFinite: false });
    const grey = new Array<number>(12).fill(128);
    [planes, planes, grey, planes].forEach((values, index) => {
      const y = results[index]?.outputs['y'];
      assert.deepEqual(y?.dims, [1, 3, 2, 2]);
      assert.deepEqual([...y.data], values);
    });
  });

  it('counts its decoding apart from the inference, but in the CPU time', async () => {
    const noise = Uint8Array.from({ length: 900 * 900 * 3 }, (_, index) => (index * 7919) % 251);
    const file = await sharp(noise, { raw: { width: 900, height: 900, channels: 3 } })
      .png()
      .toBuffer();
    const image = { width: 16, height: 16 };
    const decoded = await seen(file, image, [1, 3, 16, 16]);
    const without = await seen(new Float32Array(768), image, [1, 3, 16, 16]);
    assert.equal(without.decodeMs, 0);
    assert.ok(decoded.decodeMs > decoded.runMs, `${decoded.decodeMs} ms against ${decoded.runMs} ms`);
    assert.ok(decoded.cpuMs > without.cpuMs + 1, `${decoded.cpuMs} ms against ${without.cpuMs} ms`);
  });

  it('is decoded on the cores of the component, on no more threads than it has', async function () {
    if (!(await canPin())) {
      console.log('      skipped: no taskset here');
      this.skip();
    }
    await seen(await plain(500, 500, '#fff').png().toBuffer(), asIs);
    const tasks = await readdir(`/proc/${host.pid}/task`);
    for (const task of tasks) {
      const status = await readFile(join(`/proc/${host.pid}/task`, task, 'status'), 'utf8');
      assert.match(status, /Cpus_allowed_list:\t0\n/);
    }
    assert.ok(tasks.length > 1);
    const library = loadSharp(3, () => sharp);
    assert.equal(library.concurrency(), 3);
    assert.deepEqual(library.cache().memory.max, 0);
  });

  const broken: Record<string, [make: () => Promise<Buffer> | Buffer, pattern: RegExp]> = {
    'a JPEG that was cut short': [
      async () => (await plain(300, 200, '#123').jpeg().toBuffer()).subarray(0, 500),
      /The image cannot be decoded: it is damaged or incomplete \(.*premature end/,
    ],
    'a PNG that was cut short': [
      async () => (await picture().png().toBuffer()).subarray(0, 60),
      /cannot be decoded: it is damaged or incomplete/,
    ],
    'the first bytes of a JPEG alone': [() => Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0]), /damaged or incomplete/],
    'a JPEG that another loader would take': [
      async () => Buffer.concat([Buffer.from('GIF89a'), await picture().jpeg().toBuffer()]),
      /damaged or incomplete/,
    ],
    'a decompression bomb': [
      async () => claiming(60_000, 60_000, await picture().png().toBuffer()),
      /it has more than 100 million pixels\. Send a smaller one/,
    ],
  };
  for (const [what, [make, pattern]] of Object.entries(broken)) {
    it(`refuses ${what}, and the host lives on`, async () => {
      const file = await make();
      const { pid } = host;
      await assert.rejects(seen(file, asIs), { code: 'INPUT_MISMATCH', message: pattern });
      assert.deepEqual((await seen(await picture().png().toBuffer(), asIs)).values, planes);
      assert.equal(host.pid, pid);
    });
  }

  it('whatever happened to it on the way: tensors or INPUT_MISMATCH', async () => {
    const { key, signature } = await load(identityModel(['batch', 3, 2, 2]));
    const expected = expectedInputs(declare(asIs), signature);
    const whole = await plain(40, 30, '#a0b0c0').jpeg().toBuffer();
    const change = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 8 }), fc.nat(whole.length), async (changes, cutAt) => {
        const file = Buffer.from(whole.subarray(0, whole.length - (cutAt % 3 === 0 ? cutAt : 0)));
        for (const { at, value } of changes) if (at < file.length) file[at] = value;
        const code = await codeOf(
          (async () => {
            const { outputs } = await runOne(host, key, encodeInputs(file, expected));
            assert.equal(outputs['y']?.data.length, 12);
          })(),
        );
        assert.ok(['INPUT_MISMATCH', 'none: it resolved'].includes(code), code);
      }),
      { numRuns: 150 },
    );
    assert.equal(host.restarts, 0);
  });

  it('is no program: SVG does not count as an image', () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"/>');
    const signature: ModelSignature = { inputs: [{ name: 'x', type: 'float32', dims: ['n', 3, 2, 2] }], outputs: [] };
    assert.throws(() => encodeInputs(svg, expectedInputs(declare(asIs), signature)), {
      code: 'INPUT_MISMATCH',
      message:
        /Expected an image \(JPEG, PNG, GIF, WebP, TIFF, AVIF\) or 12 bytes of pixels \(2 x 2 x 3\).*Got a Buffer of 62 bytes, which is neither/,
    });
  });

  it('is tried before the tenant serves', async () => {
    const { key, signature } = await load(identityModel(['batch', 3, 2, 2]));
    const { outputs, decodeMs } = await runOne(host, key, canaryInputs(expectedInputs(declare(asIs), signature)));
    assert.deepEqual([...(outputs['y']?.data ?? [])], new Array<number>(12).fill(0));
    assert.ok(decodeMs > 0);
  });
});

describe('pixels to numbers', () => {
  it('follows the formula for every declaration', () => {
    const declaration = fc.record({
      width: fc.integer({ min: 1, max: 5 }),
      height: fc.integer({ min: 1, max: 5 }),
      channels: fc.constantFrom('rgb', 'bgr', 'grey'),
      layout: fc.constantFrom('nchw', 'nhwc'),
      scale: fc.double({ min: 0.001, max: 2, noNaN: true }),
      mean: fc.double({ min: -100, max: 100, noNaN: true }),
      deviation: fc.double({ min: 0.1, max: 100, noNaN: true }),
      form: fc.constantFrom('file' as const, 'pixels' as const),
    });
    fc.assert(
      fc.property(declaration, fc.nat(), ({ form, mean, deviation, ...rest }, seed) => {
        const count = rest.channels === 'grey' ? 1 : 3;
        const means = Array.from({ length: count }, (_, channel) => mean + channel);
        const image = declare({ ...rest, mean: means, deviation: [deviation] }).image;
        assert.ok(image !== null);
        const { width, height, scale } = image;
        const pixels = Uint8Array.from({ length: width * height * count }, (_, index) => (seed + index * 97) % 256);
        const target = new Float64Array(pixels.length);
        pixelsToTensor(pixels, { declaration: image, form }, 'float64', target);
        for (let y = 0; y < height; y += 1) {
          for (let x = 0; x < width; x += 1) {
            for (let channel = 0; channel < count; channel += 1) {
              const from: number = image.channels === 'bgr' && form === 'file' ? count - 1 - channel : channel;
              const pixel: number = pixels[(y * width + x) * count + from] ?? NaN;
              const at: number =
                image.layout === 'nchw' ? (channel * height + y) * width + x : (y * width + x) * count + channel;
              assert.equal(target[at], (pixel * scale - (means[channel] ?? NaN)) / deviation);
            }
          }
        }
      }),
    );
  });
});

describe('what a tenant declares about its image', () => {
  const signature = (dims: readonly (number | string)[], type: TensorType = 'float32'): ModelSignature => ({
    inputs: [{ name: 'x', type, dims }],
    outputs: [],
  });
  const expectedDims = (image: object, dims: readonly (number | string)[]) =>
    expectedInputs(declare(image), signature(dims))[0]?.dims;

  it('fills in what the model leaves free, except the batch', () => {
    const image = { width: 20, height: 10 };
    assert.deepEqual(expectedDims(image, ['batch', 3, 'height', 'width']), ['batch', 3, 10, 20]);
    assert.deepEqual(expectedDims({ ...image, layout: 'nhwc' }, ['batch', 'h', 'w', 'c']), ['batch', 10, 20, 3]);
    assert.deepEqual(expectedDims({ ...image, channels: 'grey' }, [1, 1, 10, 20]), [1, 1, 10, 20]);
  });

  it('must not contradict the model', () => {
    const refuse = (image: object, dims: readonly (number | string)[], type: TensorType, message: RegExp) =>
      assert.throws(() => expectedInputs(declare({ width: 20, height: 10, ...image }), signature(dims, type)), {
        code: 'INPUT_MISMATCH',
        message,
      });
    const wrongShape =
      /an image of 20 x 10 with 3 channels, in the layout nchw \[1, 3, 10, 20\], .* takes float32 \[1, 3, 20, 20\]/;
    refuse({}, [1, 3, 20, 20], 'float32', wrongShape);
    refuse({ layout: 'nhwc' }, ['n', 3, 10, 20], 'float32', /in the layout nhwc/);
    refuse({}, [1, 600], 'float32', /takes float32 \[1, 600\]/);
    refuse({}, ['n', 3, 10, 20], 'int64', /takes int64 there/);
    refuse({}, ['n', 3, 10, 20], 'string', /takes string there/);
    refuse({}, ['n', 3, 10, 20], 'uint8', /leaves nothing but 0 and 1 of an image: declare the scale 1/);
  });

  it('has one mean for all channels, or one for each', () => {
    for (const image of [{ mean: [1, 2] }, { deviation: [] }, { mean: [1, 2, 3], channels: 'grey' }]) {
      const result = inputDeclarationSchema.safeParse({ image: { width: 2, height: 2, ...image } });
      assert.match(result.error?.issues[0]?.message ?? 'none', /^expected one number/);
    }
    assert.ok(declare({ width: 2, height: 2, mean: [1], deviation: [1, 2, 3] }).image);
  });
});

describe('the image library', () => {
  const failing = (error: Error) => () =>
    loadSharp(1, () => {
      throw error;
    });

  it('that is missing or broken is named, with the line that mends it', () => {
    const missing = Object.assign(new Error("Cannot find module 'sharp'"), { code: 'MODULE_NOT_FOUND' });
    const broken = new Error('Could not load the "sharp" module using the linux-x64 runtime\nPossible solutions: ...');
    const message = (what: RegExp) => new RegExp(`${what.source}.*run \`npm install sharp\`, then restart Node-RED`);
    assert.throws(failing(missing), {
      code: 'RUNTIME_UNAVAILABLE',
      message: message(/The package sharp, .* is not installed\./),
    });
    assert.throws(failing(broken), {
      code: 'RUNTIME_UNAVAILABLE',
      message: message(/does not load here \(Could not load the "sharp" module using the linux-x64 runtime\)/),
    });
  });
});
