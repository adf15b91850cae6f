import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

describe('starting programs', () => {
  let folder: string;
  /** The turn of the event loop in which each child process of this one was started. */
  let startedInTurn: number[];
  let turn: number;
  let counting: NodeJS.Immediate;
  const started = (): void => void startedInTurn.push(turn);
  const countTurn = (): void => {
    turn += 1;
    counting = setImmediate(countTurn);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ecomap-programs-'));
    startedInTurn = [];
    turn = 0;
    countTurn();
    subscribe('child_process', started);
  });
  afterEach(() => {
    unsubscribe('child_process', started);
    clearImmediate(counting);
    rmSync(folder, { recursive: true });
  });

  function install(name: string, mode = 0o755): string {
    const path = join(folder, name);
    writeFileSync(path, '#!/bin/sh\necho "$1"\n');
    chmodSync(path, mode);
    return path;
  }

  const options = { timeoutMs: 5000 };
  const missing = { exitCode: null, text: '', timedOut: false, missing: true };
  const here = () => localPrograms(`${folder}/none:${folder}:/usr/bin:/bin`);

  it('starts no process for a program that is not there or may not be run, and says that it is missing', async () => {
    const locked = install('locked', 0o644);
    const afile = install('afile');
    for (const program of ['no-such-program', 'locked', join(folder, 'no-such-program'), locked, `${afile}/below`]) {
      assert.deepEqual(await here().run(program, [], options), missing, program);
      assert.deepEqual(await here().stream(program, [], () => undefined).ended, { exitCode: null, missing: true });
    }
    assert.deepEqual(startedInTurn, []);
  });

  it('answers the same where only the system can tell that there is nothing to run', async () => {
    mkdirSync(join(folder, 'a-folder'));
    assert.deepEqual(await here().run('a-folder', [], options), missing);
    assert.deepEqual(await here().stream('a-folder', [], () => undefined).ended, { exitCode: null, missing: true });
    assert.equal(startedInTurn.length, 2);
  });

  it('starts what is there, by its name or its path, once it is there', async () => {
    assert.equal((await here().run('speaker', ['one'], options)).missing, true);
    const path = install('speaker');
    assert.deepEqual(await here().run('speaker', ['one'], options), {
      exitCode: 0,
      text: 'one\n',
      timedOut: false,
      missing: false,
    });
    assert.equal((await localPrograms('').run(path, ['two'], options)).text, 'two\n');
    assert.equal((await localPrograms().run('sh', ['-c', 'echo three'], options)).text, 'three\n');
    assert.equal(startedInTurn.length, 3);
  });

  it('starts two that are asked for at the same time in two turns of the event loop', async () => {
    install('speaker');
    const lines: string[] = [];
    await Promise.all([
      here().run('speaker', ['one'], options),
      localPrograms(folder).run('speaker', ['two'], options),
      here().stream('speaker', ['three'], (line) => lines.push(line)).ended,
    ]);
    assert.deepEqual(lines, ['three']);
    assert.equal(startedInTurn.length, 3);
    assert.equal(new Set(startedInTurn).size, 3, `turns ${startedInTurn.join(', ')}`);
  });

  it('starts nothing that is closed before its turn', async () => {
    install('speaker');
    const stream = here().stream('speaker', ['one'], () => assert.fail('it speaks'));
    await stream.close();
    assert.deepEqual(await stream.ended, { exitCode: null, missing: false });
    assert.deepEqual(startedInTurn, []);
  });
});
