import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FrameSplitter } from '../../../../src/inference/channel/frame-splitter';

function frameOf(content: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32LE(content.length);
  return Buffer.concat([header, content]);
}

describe('frames', () => {
  it('come out as they went in, however they are chopped up on the way', () => {
    const contents = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
    fc.assert(
      fc.property(contents, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sent, steps) => {
        const stream = Buffer.concat(sent.map(frameOf));
        const received: Buffer[] = [];
        const splitter = new FrameSplitter((frame) => received.push(Buffer.from(frame)));
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const step = steps[turn % steps.length] ?? 1;
          const chunk = Buffer.from(stream.subarray(at, at + step));
          splitter.push(chunk);
          chunk.fill(0xff);
          at += step;
        }
        assert.deepEqual(
          received,
          sent.map((content) => Buffer.from(content)),
        );
      }),
      { seed: 1 },
    );
  });

  it('of a length that no frame has are refused before their bytes are waited for', () => {
    const splitter = new FrameSplitter(() => assert.fail('there is no frame'));
    assert.throws(() => splitter.push(Buffer.from('some text that is no frame')), RangeError);
  });
});
