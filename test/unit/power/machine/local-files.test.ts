import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineFileError } from '../../../../src/power/machine/files';
import { localFiles } from '../../../../src/power/machine/local-files';

describe('files that are kept open', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ecomap-files-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('are read anew each time, from their start', async () => {
    const path = join(folder, 'in1_input');
    writeFileSync(path, '19000\n');
    const file = await localFiles().open(path);
    assert.equal(await file.read(), '19000');
    writeFileSync(path, '7\n');
    assert.deepEqual(await Promise.all([file.read(), file.read()]), ['7', '7']);
    await file.close();
    await assert.rejects(file.read(), MachineFileError);
  });

  it('follow a file that is replaced, where a folder stands for /', async () => {
    writeFileSync(join(folder, 'value'), '1\n');
    const file = await localFiles(folder).open('/value');
    assert.equal(await file.read(), '1');
    writeFileSync(join(folder, 'new'), '2\n');
    renameSync(join(folder, 'new'), join(folder, 'value'));
    assert.equal(await file.read(), '2');
    rmSync(join(folder, 'value'));
    await assert.rejects(file.read(), (error) => error instanceof MachineFileError && error.problem === 'missing');
    await file.close();
  });

  it('tell what is missing', async () => {
    await assert.rejects(
      localFiles().open(join(folder, 'nothing')),
      (error) => error instanceof MachineFileError && error.problem === 'missing',
    );
  });
});
