import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openSlotDirectory } from '../../../../src/inference/shared-memory/slot-directory';
import { RequestSlots } from '../../../../src/inference/shared-memory/request-slots';
import { temporaryDirectory } from '../support';

describe('slots', () => {
  it('removes what dead processes left and leaves everything else alone', async () => {
    const root = await temporaryDirectory();
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const namespace = await readlink('/proc/self/ns/pid').then(
      (link) => link.replace(/\D/g, ''),
      () => '0',
    );
    const name = (space: string, pid: number) => `ecomap-slots-${space}-${pid}-abc`;
    const kept = [name(namespace, process.pid), name('77', dead), 'somebody-elses'];
    for (const directory of [...kept, name(namespace, dead)]) await mkdir(join(root.path, directory));
    const slots = await openSlotDirectory(root.path);
    const left = (await readdir(root.path)).filter((entry) => join(root.path, entry) !== slots.path);
    assert.deepEqual(left.sort(), kept.sort());
    assert.equal((await stat(slots.path)).mode & 0o777, 0o700);
    await slots.remove();
    await slots.remove();
    await root.remove();
  });

  it('uses a slot again, reads back what was written, and never mixes two that are out', async () => {
    const root = await temporaryDirectory();
    const directory = await openSlotDirectory(root.path);
    const slots = new RequestSlots(directory);
    const one = slots.take();
    const two = slots.take();
    assert.notEqual(one.number, two.number);
    const data = new Float64Array(5000).map((_, index) => index / 3);
    const frames = await one.write([
      { a: { type: 'float64', dims: [5000], data } },
      { b: { type: 'float64', dims: [2], data: data.subarray(1, 3) } },
    ]);
    assert.deepEqual(
      frames.flat().map((frame) => frame.data),
      [undefined, undefined],
    );
    slots.give(one);
    assert.equal(slots.take(), one);
    slots.give(two);
    assert.equal((await readdir(directory.path)).length, 1);
    slots.close();
    one.close();
    await root.remove();
  });

  it('leaves no file behind when they are closed, also of those that are still out', async () => {
    const root = await temporaryDirectory();
    const directory = await openSlotDirectory(root.path);
    const slots = new RequestSlots(directory);
    const [one, two] = [slots.take(), slots.take()];
    for (const slot of [one, two]) {
      await slot.write([{ a: { type: 'float64', dims: [5000], data: new Float64Array(5000) } }]);
    }
    slots.give(one);
    slots.close();
    while ((await readdir(directory.path)).length > 1) await new Promise((resolve) => setTimeout(resolve, 1));
    slots.give(two);
    while ((await readdir(directory.path)).length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await root.remove();
  });
});
