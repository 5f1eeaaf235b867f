// Content-defined chunking (docs/format.md, "Chunking").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkBytesMax, chunkBytesMin, createGearTable, nextCut } from '../../src/client/chunker.js';
import { concatBytes, utf8 } from '../../src/protocol/bytes.js';
import { testStream } from '../helpers/vectors.js';

const gear = createGearTable();
const data = testStream(utf8('chunker'), 24_000_000);

function cut(bytes: Uint8Array): number[] {
  const lengths: number[] = [];
  for (let at = 0; at < bytes.length; at += lengths.at(-1) ?? 0) lengths.push(nextCut(bytes, at, bytes.length, gear));
  return lengths;
}

function pieces(bytes: Uint8Array): Set<string> {
  let at = 0;
  return new Set(
    cut(bytes).map((length) => {
      at += length;
      return Buffer.from(bytes.subarray(at - length, at)).toString('latin1');
    }),
  );
}

describe('nextCut', () => {
  it.each([0, 1, chunkBytesMin - 1, chunkBytesMin])('leaves %i bytes whole', (length) => {
    expect(nextCut(data, 100, 100 + length, gear)).toBe(length);
  });

  it('keeps every chunk but the last within its bounds, and loses nothing', () => {
    const lengths = cut(data);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(data.length);
    for (const length of lengths.slice(0, -1)) {
      expect(length).toBeGreaterThan(chunkBytesMin);
      expect(length).toBeLessThanOrEqual(chunkBytesMax);
    }
    expect(data.length / lengths.length).toBeGreaterThan(0.8 * 1024 * 1024);
    expect(data.length / lengths.length).toBeLessThan(1.6 * 1024 * 1024);
  });

  it.each([chunkBytesMax - 1, chunkBytesMax, chunkBytesMax + 1])(
    'ends %i bytes without a cut at the longest chunk',
    (length) => {
      expect(nextCut(new Uint8Array(length), 0, length, gear)).toBe(Math.min(length, chunkBytesMax));
    },
  );

  it('does not depend on where the bytes stand or what follows the longest chunk', () => {
    fc.assert(
      fc.property(fc.nat(5_000_000), fc.nat(1_000_000), (start, more) => {
        const alone = data.slice(start, start + chunkBytesMax);
        const length = nextCut(data, start, start + chunkBytesMax + more, gear);
        expect(nextCut(alone, 0, alone.length, gear)).toBe(length);
      }),
      { numRuns: 20 },
    );
  });

  it('finds the cuts again after an insertion', () => {
    const before = pieces(data);
    for (const at of [0, 5_000_000, 20_000_000]) {
      const after = pieces(concatBytes(data.subarray(0, at), utf8('inserted'), data.subarray(at)));
      const added = [...after].filter((piece) => !before.has(piece));
      expect(added.length).toBeLessThanOrEqual(3);
    }
  });

  it('cuts elsewhere with a secret table', () => {
    const secret = createGearTable(new Uint8Array(32).fill(1));
    expect(secret).not.toEqual(gear);
    expect(nextCut(data, 0, data.length, secret)).not.toBe(nextCut(data, 0, data.length, gear));
  });
});
