// The hash of one block, held to node:crypto (docs/proof-of-work.md, "Checking").
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attemptSeed, filterValue } from '../../src/protocol/proof-of-work.js';
import { digestBytes, digestWords, hashWords, loadDigest, messageWords } from '../../src/protocol/sha256-words.js';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

describe('the hash of one block', () => {
  it('is SHA-256 for every length from no word to thirteen', () => {
    for (let count = 0; count <= 13; count += 1) {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 4 * count, maxLength: 4 * count }), (message) => {
          const view = new DataView(message.buffer);
          for (let i = 0; i < count; i += 1) messageWords[i] = view.getInt32(4 * i);
          hashWords(count);
          expect(Buffer.from(digestBytes())).toEqual(sha256(message));
          expect((digestWords[0] as number) >>> 0).toBe(sha256(message).readUInt32BE());
        }),
      );
    }
  });

  it('begins with a digest wherever that stands in its buffer', () => {
    fc.assert(
      fc.property(bytes32, fc.nat({ max: 9 }), (digest, offset) => {
        const buffer = new Uint8Array(64);
        buffer.set(digest, offset);
        loadDigest(buffer.subarray(offset, offset + 32));
        hashWords(8);
        expect(Buffer.from(digestBytes())).toEqual(sha256(digest));
      }),
    );
  });
});

describe('what is made with it', () => {
  it('is the seed of an attempt: 36 bytes', () => {
    fc.assert(
      fc.property(bytes32, fc.nat({ max: 2 ** 32 - 1 }), (seed, attempt) => {
        expect(Buffer.from(attemptSeed(seed, attempt))).toEqual(sha256(seed, u32(attempt)));
      }),
    );
  });

  it('is the value of the filter: 48 bytes', () => {
    fc.assert(
      fc.property(bytes32, fc.uint16Array({ minLength: 8, maxLength: 8 }), (seed, indices) => {
        const written = Buffer.alloc(16);
        for (const [i, index] of indices.entries()) written.writeUInt16BE(index, 2 * i);
        expect(filterValue(seed, indices)).toBe(sha256(seed, written).readUInt32BE());
      }),
    );
  });
});
