import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localPrograms } from '../../../../src/power/machine/programs';

describe('programs that run on', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ecomap-programs-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const programs = () => localPrograms(`${folder}:${process.env['PATH'] ?? ''}`);

  function install(name: string, script: string): void {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }

  it('gives the lines of both outputs and the exit code', async () => {
    install('speaker', 'echo one; echo two >&2; printf three; exit 3');
    const lines: string[] = [];
    const stream = programs().stream('speaker', [], (line) => lines.push(line));
    assert.deepEqual(await stream.ended, { exitCode: 3, missing: false });
    await stream.close();
    assert.deepEqual(lines.sort(), ['one', 'three', 'two']);
  });

  it('cannot be asked anything: the standard input is closed', async () => {
    install('asker', 'read answer && echo "got $answer" || echo none');
    const lines: string[] = [];
    await programs().stream('asker', [], (line) => lines.push(line)).ended;
    assert.deepEqual(lines, ['none']);
  });

  it('ends what runs for ever, also when it does not want to, and gives no line afterwards', async () => {
    install('stubborn', 'trap "" TERM; while :; do echo again; sleep 0.05; done');
    const lines: string[] = [];
    let told: (() => void) | null = null;
    const first = new Promise<void>((resolve) => (told = resolve));
    const stream = programs().stream('stubborn', [], (line) => {
      lines.push(line);
      told?.();
    });
    await first;
    const closed = stream.close();
    const count = lines.length;
    await closed;
    assert.equal((await stream.ended).exitCode, null);
    assert.equal(lines.length, count);
  });

  it('says that there is no such program', async () => {
    const stream = programs().stream('no-such-program', [], () => undefined);
    assert.deepEqual(await stream.ended, { exitCode: null, missing: true });
    await stream.close();
  });
});
