// Paths of any bytes as texts: nothing is lost, and the order is that of the bytes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteTextOf, comparePaths, manifestPathProblem, systemPath, textOf } from '../../src/client/byte-text.js';
import { bytesKey, compareBytes, fromBytesKey, utf8 } from '../../src/protocol/bytes.js';

describe('a byte text', () => {
  test('gives its bytes back, to system calls too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        const text = bytesKey(bytes);
        expect(new Uint8Array(fromBytesKey(text))).toEqual(bytes);
        expect(new Uint8Array(Buffer.from(systemPath(text)))).toEqual(bytes);
      }),
    );
  });

  test('sorts as its bytes do', () => {
    const bytes = fc.uint8Array({ maxLength: 6 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(comparePaths(bytesKey(a), bytesKey(b))).toBe(compareBytes(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  test('of a text in any script is its UTF-8, and reads as that text again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(byteTextOf(text)).toBe(bytesKey(utf8(text)));
        expect(textOf(byteTextOf(text))).toBe(text);
      }),
    );
  });

  test('that is too long for a manifest is refused, one byte beyond the limit', () => {
    const path = `${'a'.repeat(254)}/`.repeat(16);
    expect(manifestPathProblem(path.slice(0, 4079))).toBeUndefined();
    expect(manifestPathProblem(`${path}${'a'.repeat(15)}`)).toBeUndefined();
    expect(manifestPathProblem(`${path}${'a'.repeat(16)}`)).toContain('longer than 4095');
    expect(manifestPathProblem('a'.repeat(256))).toContain('longer than 255');
  });
});
