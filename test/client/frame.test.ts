// Frames and compression (docs/format.md, "Frames").
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, frameKinds } from '../../src/client/frame.js';
import { compress } from '../../src/client/zstd.js';
import { paddedLength } from '../../src/protocol/blob-layout.js';
import { concatBytes, equalBytes } from '../../src/protocol/bytes.js';
import { frameBytesMax, frameHeaderBytes, rawBytesMax } from '../../src/protocol/limits.js';
import { changed, codeThrownBy } from '../helpers/integrity.js';

const data = frameKinds.data;

function refuses(frame: Uint8Array, rawLength?: number): void {
  expect(codeThrownBy(() => decodeFrame(frame, data, rawLength))).toBe('integrity');
}

describe('encodeFrame', () => {
  it.each([0, 1, 1011, 1012, 1013, 1044, 65_536, rawBytesMax - 1, rawBytesMax])(
    'gives back %i random bytes',
    (length) => {
      const raw = new Uint8Array(randomBytes(length));
      const frame = encodeFrame(data, raw);
      expect(frame.length).toBe(paddedLength(frameHeaderBytes + length));
      expect(equalBytes(decodeFrame(frame, data, length), raw)).toBe(true);
    },
  );

  it('fills the longest frame with the longest chunk', () => {
    expect(encodeFrame(data, new Uint8Array(randomBytes(rawBytesMax))).length).toBe(frameBytesMax);
    expect(() => encodeFrame(data, new Uint8Array(rawBytesMax + 1))).toThrow('fits its frame');
  });

  it('compresses what shrinks and stores what does not', () => {
    const text = new Uint8Array(Buffer.alloc(200_000, 'the same words again and again, '));
    expect(encodeFrame(data, text)[2]).toBe(1);
    expect(encodeFrame(data, text).length).toBe(1024);
    expect(encodeFrame(data, new Uint8Array(randomBytes(200_000)))[2]).toBe(0);
    expect(encodeFrame(data, text.subarray(0, 1012))[2]).toBe(0);
  });

  it('restores any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 1, max: 40 }), (piece, times) => {
        const raw = concatBytes(...Array.from({ length: times }, () => piece));
        expect(decodeFrame(encodeFrame(data, raw), data, raw.length)).toEqual(raw);
      }),
      { numRuns: 60 },
    );
  });
});

describe('decodeFrame', () => {
  const frame = encodeFrame(data, new Uint8Array([1, 2, 3]));
  const set = (at: number, value: number) =>
    changed(frame, (copy) => {
      copy[at] = value;
    });

  it.each([
    ['version', 0, 2],
    ['kind', 1, 1],
    ['codec', 2, 2],
    ['reserved byte', 3, 1],
    ['raw length', 7, 2],
    ['stored length', 11, 2],
    ['first byte of the padding', 15, 1],
    ['last byte of the padding', 1023, 1],
  ])('refuses a changed %s', (_, at, value) => {
    refuses(set(at, value));
  });

  it('refuses another raw length than the reference says', () => {
    refuses(frame, 2);
    refuses(frame, 4);
  });

  it('refuses more and less padding', () => {
    refuses(concatBytes(frame, new Uint8Array(32)));
    refuses(frame.subarray(0, 1023));
    refuses(new Uint8Array(0));
    const longer = encodeFrame(data, new Uint8Array(randomBytes(2000)));
    refuses(concatBytes(longer, new Uint8Array(paddedLength(longer.length + 1) - longer.length)));
  });

  it('refuses a stored length beyond the frame and a raw length beyond any chunk', () => {
    refuses(
      changed(frame, (copy) => {
        copy.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 4);
      }),
    );
    refuses(
      changed(encodeFrame(data, new Uint8Array(5000)), (copy) => {
        copy.set([0xff, 0xff, 0xff, 0xff], 4);
      }),
    );
  });

  it('refuses compressed data that is not shorter than its raw length', () => {
    const stored = compress(new Uint8Array(randomBytes(900)));
    refuses(compressedFrame(stored, stored.length));
    refuses(compressedFrame(stored, 900));
  });

  it('refuses compressed data of another raw length', () => {
    const raw = new Uint8Array(5000);
    expect(decodeFrame(compressedFrame(compress(raw), 5000), data)).toEqual(raw);
    refuses(compressedFrame(compress(raw), 4999));
    refuses(compressedFrame(compress(raw), 5001));
  });
});

function compressedFrame(stored: Uint8Array, rawLength: number): Uint8Array {
  const frame = new Uint8Array(paddedLength(frameHeaderBytes + stored.length));
  frame.set([1, 0, 1, 0]);
  new DataView(frame.buffer).setUint32(4, rawLength);
  new DataView(frame.buffer).setUint32(8, stored.length);
  frame.set(stored, frameHeaderBytes);
  return frame;
}
