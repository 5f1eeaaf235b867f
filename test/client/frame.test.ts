// Frames and compression (docs/format.md, "Frames").
import { randomBytes } from 'node:crypto';
import { Encoder } from '@toondepauw/node-zstd';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, frameKinds } from '../../src/client/frame.js';
import { compress, decompress, decompressPortably } from '../../src/client/zstd.js';
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

// The system's libzstd where there is one, and the package: neither may give what the other refuses.
describe.each([
  ['decompress', decompress],
  ['decompressPortably', decompressPortably],
] as const)('%s', (_name, decompress) => {
  const refusesStored = (stored: Uint8Array, rawLength: number) => {
    expect(codeThrownBy(() => decompress(stored, rawLength))).toBe('integrity');
  };
  const raw = new Uint8Array(Buffer.alloc(300_000, 'some text that repeats '));

  it('accepts what the pinned compressor makes of anything', () => {
    const mixed = new Uint8Array(randomBytes(rawBytesMax));
    mixed.fill(0, 100_000, 2_000_000);
    for (let at = 2_000_000; at < 4_000_000; at += 3000) mixed.fill(at, at, at + 1500);
    expect(equalBytes(decompress(compress(mixed), mixed.length), mixed)).toBe(true);
    expect(decompress(compress(new Uint8Array(0)), 0)).toEqual(new Uint8Array(0));
  });

  it.each([1, 9, 19])('accepts level %i, so that another compressor can be pinned later', (level) => {
    const stored = new Uint8Array(new Encoder(level).encodeSync(Buffer.from(raw)));
    expect(equalBytes(decompress(stored, raw.length), raw)).toBe(true);
  });

  it('refuses a bomb before it expands', () => {
    const bomb = new Uint8Array(new Encoder(3).encodeSync(Buffer.alloc(256 * 1024 * 1024)));
    expect(bomb.length).toBeLessThan(32 * 1024);
    const before = process.memoryUsage.rss();
    refusesStored(bomb, 1024);
    refusesStored(bomb, rawBytesMax);
    expect(process.memoryUsage.rss() - before).toBeLessThan(128 * 1024 * 1024);
  });

  it('refuses blocks of repeated bytes that together exceed the raw length', () => {
    const block = (last: number, size: number) => {
      const header = (size << 3) | (1 << 1) | last;
      return [header & 255, (header >> 8) & 255, header >> 16, 7];
    };
    const head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    expect(decompress(Uint8Array.from([...head, ...block(1, 1000)]), 1000)).toEqual(new Uint8Array(1000).fill(7));
    refusesStored(Uint8Array.from([...head, ...block(0, 1000), ...block(1, 1)]), 1000);
    expect(() => decompress(Uint8Array.from([...head, ...block(0, 1000), ...block(1, 1)]), 1000)).toThrow(
      'longer than its header',
    );
    refusesStored(
      Uint8Array.from([...head, ...Array.from({ length: 5 }, () => block(0, 0)).flat(), ...block(1, 9)]),
      9,
    );
  });

  it('refuses a second frame, a skippable frame, a large window, a dictionary and every cut', () => {
    const stored = compress(raw);
    refusesStored(concatBytes(stored, compress(new Uint8Array(1))), raw.length);
    refusesStored(concatBytes(stored, Uint8Array.of(0)), raw.length);
    refusesStored(concatBytes(Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0), stored), raw.length);
    refusesStored(
      changed(stored, (copy) => {
        copy[5] = 0x70;
      }),
      raw.length,
    );
    refusesStored(
      changed(stored, (copy) => {
        copy[4] = 1;
      }),
      raw.length,
    );
    for (let length = 0; length < stored.length; length += 1) refusesStored(stored.subarray(0, length), raw.length);
  });

  it('throws nothing but integrity errors on damaged input', () => {
    const stored = compress(raw);
    fc.assert(
      fc.property(fc.nat(stored.length - 1), fc.nat(255), (at, value) => {
        const damaged = changed(stored, (copy) => {
          copy[at] = value;
        });
        let length = raw.length;
        try {
          length = decompress(damaged, raw.length).length;
        } catch (error) {
          expect(error).toMatchObject({ code: 'integrity' });
        }
        expect(length).toBe(raw.length);
      }),
      { numRuns: 300 },
    );
  });
});
