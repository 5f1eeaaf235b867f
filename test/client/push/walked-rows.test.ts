// Rows of bytes stand for entries: all of an entry comes back, the order is that of paths, and only the same is the same.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePaths } from '../../../src/client/byte-text.js';
import type { SourceStat } from '../../../src/client/push/source-stat.js';
import {
  compareRowPaths,
  isSameRow,
  type RowEntry,
  type RowMemory,
  readRow,
  rowBytesOf,
  rowEnd,
  rowMemoryOf,
  rowPath,
  rowTypes,
  writeRow,
} from '../../../src/client/push/walked-rows.js';
import { anyStat, statOf } from '../../helpers/source-stats.js';

const anyPath = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const anyEntry: fc.Arbitrary<RowEntry> = fc.record({
  type: fc.constantFrom(...rowTypes),
  path: anyPath,
  stat: anyStat,
});

function rowsOf(entries: readonly RowEntry[]): { memory: RowMemory; places: number[] } {
  const memory = rowMemoryOf(new Uint8Array(entries.reduce((sum, { path }) => sum + rowBytesOf(path), 0)));
  const places: number[] = [];
  let at = 0;
  for (const entry of entries) {
    places.push(at);
    at = writeRow(memory, at, entry);
    expect(rowEnd(memory, places.at(-1) ?? 0)).toBe(at);
  }
  expect(at).toBe(memory.bytes.length);
  return { memory, places };
}

describe('rows', () => {
  test('come out as they went in', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 5 }), (entries) => {
        const { memory, places } = rowsOf(entries);
        expect(places.map((at) => readRow(memory, at))).toEqual(entries);
        expect(places.map((at) => Buffer.from(rowPath(memory, at)).toString('latin1'))).toEqual(
          entries.map(({ path }) => path),
        );
      }),
    );
  });

  test('of the longest path', () => {
    const path = 'x'.repeat(4095);
    const entry: RowEntry = { type: 'file', path, stat: statOf() };
    expect(readRow(rowsOf([entry]).memory, 0)).toEqual(entry);
  });

  test('are in the order of their paths', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, (a, b) => {
        const order = compareRowPaths(rowsOf([a]).memory, 0, rowsOf([b]).memory, 0);
        expect(Math.sign(order)).toBe(comparePaths(a.path, b.path));
      }),
    );
  });

  test('are the same only where every part is', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, anyStat, (a, b, otherStat) => {
        const { memory } = rowsOf([a]);
        const same = (entry: RowEntry) => isSameRow(memory, 0, rowsOf([entry]).memory, 0);
        expect(same({ ...a, stat: { ...a.stat } })).toBe(true);
        expect(same({ ...a, path: b.path })).toBe(a.path === b.path);
        expect(same({ ...a, type: b.type })).toBe(a.type === b.type);
        for (const name of Object.keys(otherStat) as (keyof SourceStat)[]) {
          const entry = { ...a, stat: { ...a.stat, [name]: otherStat[name] } };
          expect(same(entry)).toBe(a.stat[name] === otherStat[name]);
        }
      }),
    );
  });
});
