// What a push keeps of a stat: every part that tells two versions of a file apart, to the last bit.
import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  decodeStat,
  encodeStats,
  type FileSignature,
  fileKey,
  isSameVersion,
  sourceStatOf,
} from '../../../src/client/push/source-stat.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';
import { anyStat } from '../../helpers/source-stats.js';

afterAll(removeTempDirs);

describe('stats', () => {
  test('come out of their columns as they went in', () => {
    fc.assert(
      fc.property(fc.array(anyStat, { maxLength: 5 }), (stats) => {
        const columns = encodeStats(stats);
        expect(stats.map((_, index) => decodeStat(columns, index))).toEqual(stats);
      }),
    );
  });

  test('keep nanoseconds of times before and after 1970', () => {
    const path = join(makeTempDir(), 'file');
    writeFileSync(path, 'x');
    const real = lstatSync(path, { bigint: true });
    for (const [ns, seconds, nanoseconds] of [
      [1_700_000_000_123_456_789n, 1_700_000_000, 123_456_789],
      [-1n, -1, 999_999_999],
      [-1_000_000_000n, -1, 0],
      [-1_000_000_001n, -2, 999_999_999],
      [0n, 0, 0],
    ] as const) {
      const stat = sourceStatOf(Object.assign(Object.create(real) as typeof real, { mtimeNs: ns, ctimeNs: ns }));
      expect([stat.modifiedSeconds, stat.modifiedNanoseconds]).toEqual([seconds, nanoseconds]);
      expect([stat.changedSeconds, stat.changedNanoseconds]).toEqual([seconds, nanoseconds]);
    }
  });

  test('of two versions differ in any one part of the signature', () => {
    const signature: FileSignature = {
      sizeBytes: 1,
      modifiedSeconds: 2,
      modifiedNanoseconds: 3,
      changedSeconds: 4,
      changedNanoseconds: 5,
      inode: 2n ** 63n,
      device: 7n,
    };
    expect(isSameVersion(signature, { ...signature })).toBe(true);
    for (const [name, value] of Object.entries(signature)) {
      const other = typeof value === 'bigint' ? value + 1n : Number(value) + 1;
      expect(isSameVersion(signature, { ...signature, [name]: other })).toBe(false);
    }
    // As numbers these two inodes would be one, and two files would become one.
    expect(fileKey({ ...signature, inode: 2n ** 63n })).not.toBe(fileKey({ ...signature, inode: 2n ** 63n + 1n }));
  });
});
