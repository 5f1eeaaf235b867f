// Which ids are known: at least the latest so many, at most twice as many, and never one that was not there.
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecentIds } from '../../../src/client/push/recent-ids.js';

const idOf = (name: number) => new Uint8Array(createHash('sha256').update(String(name)).digest());

test('says of each id what a list of the latest says', () => {
  const names = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 400 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), names, (idsMin, met) => {
      const recent = new RecentIds(idsMin);
      let young = new Set<number>();
      let old = new Set<number>();
      for (const name of met) {
        const isNew = !young.has(name) && !old.has(name);
        expect(recent.add(idOf(name))).toBe(isNew);
        if (isNew) young.add(name);
        if (young.size === idsMin) [old, young] = [young, new Set()];
      }
    }),
  );
});

test('knows the latest, forgets those before them, and takes more than it has room for', () => {
  const recent = new RecentIds(1000);
  const ids = Array.from({ length: 5000 }, (_, at) => idOf(at));
  for (const id of ids) expect(recent.add(id)).toBe(true);
  for (const id of ids.slice(-1000)) expect(recent.add(id)).toBe(false);
  expect(recent.add(idOf(0))).toBe(true);
});

test('tells ids apart that lie in one place, to the last byte', () => {
  const recent = new RecentIds(64);
  const first = randomBytes(32);
  const others = Array.from({ length: 50 }, (_, at) => {
    const id = Uint8Array.from(first);
    id[4 + (at % 28)] = (id[4 + (at % 28)] ?? 0) ^ (1 + at);
    return id;
  });
  for (const id of [first, ...others]) expect(recent.add(id)).toBe(true);
  for (const id of [first, ...others]) expect(recent.add(id)).toBe(false);
});
