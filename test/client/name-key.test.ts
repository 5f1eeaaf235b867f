// Names in parts (docs/format.md, "Names"): a prefix means the same to the daemon, which sees hashes, as it does in text.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NameKey, prefixTagsOf } from '../../src/client/name-key.js';
import { toHex } from '../../src/protocol/bytes.js';
import { namePartBytes, namePartsMax } from '../../src/protocol/limits.js';
import { isWithinPrefix } from '../../src/protocol/name-path.js';
import { codeThrownBy } from '../helpers/integrity.js';

const names = NameKey.ofVault(new Uint8Array(32).fill(3));

/** What docs/cli.md says of `--name-prefix`. */
function isNamed(name: string, prefix: string): boolean {
  return name === prefix || name.startsWith(/[/._-]$/.test(prefix) ? prefix : `${prefix}/`);
}

// Few letters, so that names often begin alike; and any letters.
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', 'é', '/', '.', '_', '-'), minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
);
/** A prefix and a name that is below it half of the time, or nearly. */
const pair = fc
  .tuple(word, word, fc.constantFrom('', '/', '-', '.', '_', 'x'), fc.boolean())
  .map(([prefix, rest, between, isBelow]) => [prefix, isBelow ? prefix + between + rest : rest] as const);

describe('a prefix', () => {
  test('means the same in tags as in text', () => {
    const seen = { within: 0, outside: 0 };
    fc.assert(
      fc.property(pair, ([prefix, name]) => {
        const isWithin = isWithinPrefix(names.pathOf(name), prefixTagsOf(names.partsFor(prefix)));
        seen[isWithin ? 'within' : 'outside'] += 1;
        expect(isWithin, `${prefix} ${name}`).toBe(isNamed(name, prefix));
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(seen.within, seen.outside)).toBeGreaterThan(50);
  });

  test('has a key that makes the paths of the vault for its names, and none for others', () => {
    fc.assert(
      fc.property(pair, ([prefix, name]) => {
        const kept = NameKey.fromParts(names.partsFor(prefix));
        if (isNamed(name, prefix)) expect(toHex(kept.pathOf(name))).toBe(toHex(names.pathOf(name)));
        else expect(codeThrownBy(() => kept.pathOf(name))).toBe('forbidden');
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['ci', ['ci', 'ci/a', 'ci/a/b'], ['c', 'cia', 'ci-a', 'ci.a', 'CI', 'a/ci', 'ci-/a']],
    ['ci/', ['ci/', 'ci/a', 'ci/a-b'], ['ci', 'ci-a', 'cia/b']],
    ['ci-', ['ci-', 'ci-a', 'ci-a/b', 'ci--'], ['ci', 'ci/a', 'ci.a']],
    ['ci/nightly-', ['ci/nightly-1', 'ci/nightly-1/x'], ['ci/nightly', 'ci/nightly/1', 'nightly-1']],
    ['', ['anything', 'a/b'], []],
  ])('%j holds the names that it should and no other', (prefix, within, outside) => {
    const tags = prefixTagsOf(names.partsFor(prefix));
    const held = (name: string) => isWithinPrefix(names.pathOf(name), tags);
    expect(within.filter((name) => !held(name))).toEqual([]);
    expect(outside.filter(held)).toEqual([]);
  });

  test('is named in the refusal, with what to do', () => {
    const kept = NameKey.fromParts(names.partsFor('ci'));
    expect(() => kept.pathOf('prod')).toThrow("this token may not use the name 'prod'");
    expect(kept.prefix).toBe('ci');
  });

  test('of the whole length of names, of separators alone too, holds the name that it is', () => {
    for (const prefix of ['-'.repeat(namePartsMax), 'a'.repeat(200), `${'-'.repeat(namePartsMax - 1)}a`]) {
      const parts = names.partsFor(prefix);
      expect(isWithinPrefix(names.pathOf(prefix), prefixTagsOf(parts))).toBe(true);
      expect(toHex(NameKey.fromParts(parts).pathOf(prefix))).toBe(toHex(names.pathOf(prefix)));
      expect(parts.path.length).toBeLessThanOrEqual(namePartsMax * namePartBytes);
    }
  });
});

describe('a name', () => {
  test('has a tag of its own', () => {
    fc.assert(
      fc.property(word, word, (one, other) => {
        expect(toHex(names.tagOf(one)) === toHex(names.tagOf(other))).toBe(one === other);
      }),
    );
  });

  test('has another tag under the key of another vault', () => {
    const other = NameKey.ofVault(new Uint8Array(32).fill(4));
    expect(toHex(other.tagOf('ci/build'))).not.toBe(toHex(names.tagOf('ci/build')));
    // Nor do its parts show that they are the same part somewhere else.
    const [first, second] = ['a/x', 'b/x'].map((name) => toHex(names.pathOf(name)).slice(2 * namePartBytes));
    expect(first).not.toBe(second);
  });

  test('is cut behind each separator', () => {
    const partsIn = (name: string) => names.pathOf(name).length / namePartBytes;
    expect(['a', 'a/b', 'ci/build-7', 'a..b', '.', '-'.repeat(namePartsMax)].map(partsIn)).toEqual([
      1,
      2,
      3,
      3,
      1,
      namePartsMax,
    ]);
  });
});
