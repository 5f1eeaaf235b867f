import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createGearTable, findCut, nextCut, scanGear } from '../../src/client/chunker.js';
import { createWasmScanner } from '../../src/client/gear-scan-wasm.js';
import { rawBytesMax } from '../../src/protocol/limits.js';

const gears = [createGearTable(), createGearTable(new Uint8Array(32).fill(7))];

describe('the scan in WebAssembly', () => {
  test('finds what the plain script finds, for any range, seed and limit, with every gear table', () => {
    const windowBytes = 4096;
    const scanner = createWasmScanner(gears, windowBytes);
    scanner?.window.set(randomBytes(windowBytes));
    const at = fc.integer({ min: 0, max: windowBytes });
    const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const limit = fc.constantFrom(0, 1, 2 ** 10, 2 ** 14, 2 ** 24, 2 ** 28, 2 ** 31, 2 ** 32 - 1);
    fc.assert(
      fc.property(at, at, word, limit, fc.constantFrom(0, 1), (a, b, seed, cutLimit, which) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        const plain = scanGear(scanner!.window, gears[which]!)(from, to, seed, cutLimit);
        expect(scanner!.scans[which]!(from, to, seed, cutLimit)).toEqual(plain);
      }),
      { numRuns: 3000 },
    );
  });

  test('cuts files where the plain script cuts them', () => {
    const bytes = randomBytes(24_000_000);
    const scanner = createWasmScanner(gears, bytes.length);
    scanner?.window.set(bytes);
    for (const [which, gear] of gears.entries()) {
      let cuts = 0;
      for (let start = 0; start < bytes.length; cuts += 1) {
        const length = findCut(start, bytes.length, scanner!.scans[which]!);
        expect(length).toBe(nextCut(bytes, start, bytes.length, gear));
        expect(length).toBeLessThanOrEqual(rawBytesMax);
        start += length;
      }
      expect(cuts).toBeGreaterThan(10);
    }
  });
});
