// The two builds of zstd, and the guard in front of both.
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Compressor } from 'zstd-napi';
import { compress, decompress } from '../../src/client/zstd.js';
import { compressedBytesMax } from '../../src/client/zstd-codec.js';
import { loadNativeZstd } from '../../src/client/zstd-native.js';
import { loadPortableZstd } from '../../src/client/zstd-portable.js';
import { concatBytes, equalBytes } from '../../src/protocol/bytes.js';
import { rawBytesMax } from '../../src/protocol/limits.js';
import { changed, codeThrownBy } from '../helpers/integrity.js';

const native = loadNativeZstd();
const portable = await loadPortableZstd();
if (native === undefined) throw new Error('the tests need zstd-napi, and a C++ compiler where it cannot be fetched');

/** Words in an order that a seed decides: compressible, and never twice the same. */
function prose(length: number, seed: number): Uint8Array {
  const words = [
    'int',
    'return',
    'static',
    'struct',
    '->',
    '();\n',
    '\t',
    'if (',
    'error',
    '= 0x',
    'the',
    'of',
    '/* ',
    ' */',
  ];
  const text: string[] = [];
  let state = seed;
  for (let made = 0; made < length; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const word = `${words[(state >>> 16) % words.length] ?? ''}${state % 7 === 0 ? String(state) : ' '}`;
    text.push(word);
    made += word.length;
  }
  return new Uint8Array(Buffer.from(text.join(''), 'latin1').subarray(0, length));
}

const lengths = [1, 1013, 4096, 16_384, 16_385, 131_072, 131_073, 262_145, 1_000_000, rawBytesMax];

describe('both builds', () => {
  it.each(lengths)('make the same bytes of %i bytes, in any order of calls', (length) => {
    for (const raw of [prose(length, length), new Uint8Array(randomBytes(length)), new Uint8Array(length)]) {
      const stored = new Uint8Array(native.compress(raw));
      expect(stored.length).toBeLessThanOrEqual(compressedBytesMax);
      expect(equalBytes(portable.compress(raw), stored)).toBe(true);
      expect(equalBytes(native.decompress(stored, length), raw)).toBe(true);
      expect(equalBytes(portable.decompress(stored, length), raw)).toBe(true);
    }
  });

  it('make the bytes that this version is known for: another hash ends sharing with older snapshots', () => {
    const hash = createHash('sha256');
    for (const length of lengths) hash.update(compress(prose(length, 7)));
    expect(hash.digest('hex')).toBe('88fe51135f9f206dda9bd2492c9b61914f1db931434da487616f3daf8fe7f3a9');
  });

  it.each([
    ['native', native],
    ['portable', portable],
  ] as const)('write no more than they may: %s', (_name, codec) => {
    const raw = prose(5000, 1);
    const stored = streamFrame(raw, 3);
    expect(equalBytes(codec.decompress(stored, 5000), raw)).toBe(true);
    expect(() => codec.decompress(stored, 4999)).toThrow();
  });
});

/** A frame as other writers make it: without the content's size, with a checksum. */
function streamFrame(raw: Uint8Array, level: number): Uint8Array {
  const compressor = new Compressor();
  compressor.setParameters({ compressionLevel: level, contentSizeFlag: false, checksumFlag: true });
  return new Uint8Array(compressor.compress(raw));
}

// Neither may give what the other refuses.
describe.each([
  ['native', native],
  ['portable', portable],
] as const)('decompress, %s', (_name, codec) => {
  const restored = (stored: Uint8Array, rawLength: number) => decompress(stored, rawLength, undefined, codec);
  const refusesStored = (stored: Uint8Array, rawLength: number) => {
    expect(codeThrownBy(() => restored(stored, rawLength))).toBe('integrity');
  };
  const copyOf = (raw: Uint8Array) => new Uint8Array(compress(raw));
  const raw = new Uint8Array(Buffer.alloc(300_000, 'some text that repeats '));

  it('accepts what the pinned compressor makes of anything', () => {
    const mixed = new Uint8Array(randomBytes(rawBytesMax));
    mixed.fill(0, 100_000, 2_000_000);
    for (let at = 2_000_000; at < 4_000_000; at += 3000) mixed.fill(at, at, at + 1500);
    expect(equalBytes(restored(compress(mixed), mixed.length), mixed)).toBe(true);
    expect(restored(compress(new Uint8Array(0)), 0)).toEqual(new Uint8Array(0));
  });

  it.each([1, 9, 19])('accepts level %i, so that another compressor can be pinned later', (level) => {
    expect(equalBytes(restored(streamFrame(raw, level), raw.length), raw)).toBe(true);
  });

  it('refuses a bomb before it expands', () => {
    const zeros = Buffer.alloc(256 * 1024 * 1024);
    const bombs = [new Uint8Array(new Compressor().compress(zeros)), streamFrame(zeros, 3)];
    const before = process.memoryUsage.rss();
    for (const bomb of bombs) {
      expect(bomb.length).toBeLessThan(32 * 1024);
      refusesStored(bomb, 1024);
      refusesStored(bomb, rawBytesMax);
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(128 * 1024 * 1024);
  });

  it('refuses blocks of repeated bytes that together exceed the raw length', () => {
    const block = (last: number, size: number) => {
      const header = (size << 3) | (1 << 1) | last;
      return [header & 255, (header >> 8) & 255, header >> 16, 7];
    };
    const head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    expect(restored(Uint8Array.from([...head, ...block(1, 1000)]), 1000)).toEqual(new Uint8Array(1000).fill(7));
    refusesStored(Uint8Array.from([...head, ...block(0, 1000), ...block(1, 1)]), 1000);
    expect(() => restored(Uint8Array.from([...head, ...block(0, 1000), ...block(1, 1)]), 1000)).toThrow(
      'longer than its header',
    );
    refusesStored(
      Uint8Array.from([...head, ...Array.from({ length: 5 }, () => block(0, 0)).flat(), ...block(1, 9)]),
      9,
    );
  });

  it('refuses a second frame, a skippable frame, a large window, a dictionary and every cut', () => {
    const stored = copyOf(raw);
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
    const stored = copyOf(raw);
    fc.assert(
      fc.property(fc.nat(stored.length - 1), fc.nat(255), (at, value) => {
        const damaged = changed(stored, (copy) => {
          copy[at] = value;
        });
        let length = raw.length;
        try {
          length = restored(damaged, raw.length).length;
        } catch (error) {
          expect(error).toMatchObject({ code: 'integrity' });
        }
        expect(length).toBe(raw.length);
      }),
      { numRuns: 300 },
    );
  });
});
