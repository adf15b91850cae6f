import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecording } from '../../../../src/loop/recording/read-recording';
import { RecordingWriter } from '../../../../src/loop/recording/recording-writer';
import { replay } from '../../../../src/loop/recording/replay';
import type { ErrorCode } from '../../../../src/signals/errors';
import { isEcomapError } from '../../../../src/signals/errors';
import { recordDay } from '../../../support/recorded-day';

const failsWith = (code: ErrorCode, text: RegExp) => (error: unknown) => {
  assert.ok(isEcomapError(error), String(error));
  assert.equal(error.code, code);
  assert.match(error.message, text);
  return true;
};

describe('the file of a recorded day', () => {
  let directory: string;
  let whole: string;
  let files = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-recording-'));
    const path = join(directory, 'whole.jsonl');
    await recordDay({ path, policy: { kind: 'linear' }, hours: 2 });
    whole = await readFile(path, 'utf8');
  });
  after(() => rm(directory, { recursive: true }));

  const written = async (content: string): Promise<string> => {
    const path = join(directory, `file-${(files += 1)}.jsonl`);
    await writeFile(path, content);
    return path;
  };
  /** The file with a change in its first line. */
  const withHeader = (change: (header: string) => string): Promise<string> => {
    const [header = '', ...others] = whole.split('\n');
    return written([change(header), ...others].join('\n'));
  };

  it('is read whole', async () => {
    const { header, steps, warnings } = await readRecording(await written(whole));
    assert.deepEqual([header.schemaVersion, steps.length, warnings], [1, 16, []]);
    assert.match(header.packageVersion, /^\d+\.\d+\.\d+/);
  });

  it('may end anywhere: what was cut off is left out and said, and the rest is replayed', async () => {
    for (const share of [0.5, 0.77, 0.99]) {
      const recording = await readRecording(await written(whole.slice(0, Math.floor(whole.length * share))));
      assert.match(recording.warnings.join(' '), /was cut off|not closed/);
      assert.match(recording.warnings.join(' '), /its last step \(2026-11-02T.*\) is left out/);
      const outcome = await replay(recording);
      assert.equal(outcome.first, null);
      assert.ok(outcome.decisions > 5);
    }
  });

  it('may hold fields and kinds of lines that are not known', async () => {
    const lines = whole.trimEnd().split('\n');
    const more = lines.map((line) => line.replace(/}$/, ',"later":{"a":1}}'));
    more.splice(5, 0, '{"kind":"weather","atMs":0,"sun":true}');
    const recording = await readRecording(await written(more.join('\n')));
    assert.deepEqual(recording.warnings, ['1 lines of an unknown kind are ignored.']);
    assert.equal((await replay(recording)).first, null);
  });

  it('is refused with a code of its own when a newer version made it', async () => {
    const path = await withHeader((header) => header.replace('"schemaVersion":1', '"schemaVersion":2'));
    await assert.rejects(readRecording(path), failsWith('RECORDING_TOO_NEW', /layout 2, .*up to 1\): update/));
  });

  it('is refused when it is empty, missing, none, or damaged in the middle', async () => {
    const invalid = (text: RegExp) => failsWith('RECORDING_INVALID', text);
    await assert.rejects(readRecording(await written('')), invalid(/it is empty/));
    await assert.rejects(readRecording(join(directory, 'nowhere.jsonl')), invalid(/cannot be read/));
    await assert.rejects(readRecording(await written('once upon a time\n')), invalid(/no header/));
    await assert.rejects(readRecording(await written('{"format":"other"}\n')), invalid(/no header/));
    const [header = ''] = whole.split('\n');
    await assert.rejects(readRecording(await written(`${header}\n`)), invalid(/no whole step/));
    await assert.rejects(readRecording(await written(header.slice(0, 500))), invalid(/no header/));
    const lines = whole.split('\n');
    lines[7] = lines[7]?.slice(0, 30) ?? '';
    await assert.rejects(readRecording(await written(lines.join('\n'))), invalid(/line 8 is no JSON/));
    lines[7] = '{"kind":"cap","atMs":0,"capW":"much"}';
    await assert.rejects(readRecording(await written(lines.join('\n'))), invalid(/line 8: capW/));
    await assert.rejects(
      readRecording(await withHeader((text) => text.replace('"tenants":[', '"tenants":[{},'))),
      invalid(/the header: tenants\.0\.name/),
    );
  });

  it('is refused when profiles or answers are of another device', async () => {
    const foreign = await withHeader((header) =>
      header.replace(/"deviceFingerprint":"[^"]+"/, '"deviceFingerprint":"a-jetson"'),
    );
    await assert.rejects(
      readRecording(foreign),
      failsWith('RECORDING_INVALID', /inspect full was measured on another device \(a-jetson\)/),
    );
    const lines = whole
      .split('\n')
      .map((line) => (line.includes('"kind":"applied"') ? line.replace('"activeW":{', '"activeW":{"dla0":3,') : line));
    await assert.rejects(
      readRecording(await written(lines.join('\n'))),
      failsWith('RECORDING_INVALID', /another device: it has no component dla0/),
    );
  });

  it('is refused for a replay when it was planned with another learned estimator', async () => {
    const path = await withHeader((header) =>
      header.replace('"estimator":{"kind":"analytic"}', '"estimator":{"kind":"shipped","sha256":"abc"}'),
    );
    await assert.rejects(replay(await readRecording(path)), failsWith('MODEL_HASH_MISMATCH', /abc/));
  });

  describe('while it is written', () => {
    it('is not begun for an estimator that it could not name', async () => {
      const path = join(directory, 'calibrated.jsonl');
      const source = { model: { path: '/nowhere' }, intervals: { latency: null, lnPowerMargin: null } };
      const day = recordDay({ path, policy: { kind: 'linear' }, estimator: { kind: 'calibrated', source } });
      await assert.rejects(day, failsWith('INVALID_CONFIG', /calibrated estimator cannot be recorded/));
      await assert.rejects(readFile(path), /ENOENT/);
    });

    it('is never one that was there already', async () => {
      const path = await written(whole);
      await assert.rejects(
        RecordingWriter.create(path, assert.fail),
        failsWith('INVALID_CONFIG', /there is one already/),
      );
      assert.equal(await readFile(path, 'utf8'), whole);
    });

    it('takes lines at once and in order, however many come', async () => {
      const path = join(directory, 'many.jsonl');
      const writer = await RecordingWriter.create<number>(path, assert.fail);
      for (let line = 0; line < 5000; line += 1) writer.append(line);
      await writer.close();
      writer.append(-1);
      const lines = (await readFile(path, 'utf8')).trimEnd().split('\n').map(Number);
      assert.deepEqual([lines.length, lines.every((line, index) => line === index)], [5000, true]);
    });

    it('ends early, and says so once, when the disk does not keep up', async () => {
      const problems: string[] = [];
      const path = join(directory, 'slow.jsonl');
      const writer = await RecordingWriter.create<string>(path, (problem) => problems.push(problem));
      for (let line = 0; line < 40; line += 1) writer.append('x'.repeat(500_000));
      await writer.close();
      assert.deepEqual(problems, ['The recording ended early: the disk does not keep up.']);
      const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
      assert.ok(lines.every((line) => line.length === 500_002));
    });
  });
});
