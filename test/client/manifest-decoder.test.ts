// Paths, entries and leaves (docs/format.md, "Manifest entries"): what is neither written nor read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameKinds } from '../../src/client/frame.js';
import { decodeLeaf } from '../../src/client/manifest-decoder.js';
import { checkManifestPath, type ManifestEntry } from '../../src/client/manifest-entry.js';
import type { NodeKind } from '../../src/client/seal.js';
import { encodeStrict } from '../../src/client/strict-cbor.js';
import { utf8 } from '../../src/protocol/bytes.js';
import { codeThrownBy } from '../helpers/integrity.js';
import { chunk, entriesOfLeaf, file, write } from '../helpers/manifests.js';

describe('checkManifestPath', () => {
  it.each([
    '',
    'a',
    'a/b',
    '...',
    '.a',
    'a..',
    'a\nb',
    'x'.repeat(255),
    `${'x'.repeat(255)}/`.repeat(15) + 'y'.repeat(255),
  ])('accepts path %#', (path) => {
    expect(checkManifestPath(utf8(path))).toBeUndefined();
  });

  it.each([
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    'a/..',
    '../a',
    'a/./b',
    'a\0b',
    'x'.repeat(256),
    `${'x'.repeat(254)}/`.repeat(16) + 'yyyyyyyyyyyyyyyy',
  ])('refuses path %#', (path) => {
    expect(checkManifestPath(utf8(path))).toEqual(expect.any(String));
  });
});

describe('a manifest entry', () => {
  const good = file('f', [chunk('x', 5)]);
  const bad: [string, ManifestEntry][] = [
    ['a bad path', { ...good, path: utf8('a/../b') }],
    ['a mode of 13 bits', { ...good, mode: 0o10000 }],
    ['an owner beyond 32 bits', { ...good, uid: 2 ** 32 }],
    ['an owner name of 256 bytes', { ...good, user: 'u'.repeat(256) }],
    ['an owner name with NUL', { ...good, group: 'a\0b' }],
    ['a whole second of nanoseconds', { ...good, mtimeNanoseconds: 1_000_000_000 }],
    ['a size that is not the sum', { ...good, size: 6 }],
    ['a sparse size that is not the sum', { ...good, size: 6, sparse: true }],
    ['an empty chunk', { ...good, chunks: [chunk('x', 5), chunk('y', 0)] }],
    ['a link target on a file', { ...good, linkTarget: utf8('x') }],
    ['a symlink without target', { ...good, type: 'symlink', chunks: [], size: 0 }],
    ['a directory with content', { ...good, type: 'directory' }],
    ['a hardlink to itself', { ...good, hardlinkTo: utf8('f') }],
    ['a hardlink to a later path', { ...good, hardlinkTo: utf8('g') }],
    ['a hardlink out of the tree', { ...good, hardlinkTo: utf8('../e') }],
    ['a file as root', { ...good, path: utf8('') }],
  ];

  const unwritten: [string, ManifestEntry][] = [...bad, ['a fraction of a second', { ...good, mtimeSeconds: 0.5 }]];

  it.each(unwritten)('with %s is not written', (_, entry) => {
    expect(codeThrownBy(() => write([entry]))).toBe('failed');
  });

  it.each(bad)('with %s is not read', (_, entry) => {
    expect(codeThrownBy(() => entriesOfLeaf([entry]))).toBe('integrity');
  });
});

describe('decodeLeaf', () => {
  const key = new Uint8Array(32);
  const row = [utf8('f'), 1, 0o644, 0, 0, 0, 5, false, null, [0, key, 5], []];
  const owner = [0, 0, '', ''];
  const decode = (value: unknown, children: Uint8Array[] = [key], kind: NodeKind = frameKinds.manifestLeaf) =>
    decodeLeaf({ kind, raw: value instanceof Uint8Array ? value : encodeStrict(value), children });
  const withField = (at: number, value: unknown) => [1, [owner], [row.map((field, i) => (i === at ? value : field))]];
  const good = encodeStrict([1, [owner], [row]]);

  it('accepts what the cases below change', () => {
    expect(decode(good)).toHaveLength(1);
  });

  it.each<[string, unknown, Uint8Array[]?]>([
    ['another version', [2, [owner], [row]]],
    ['a further field', [1, [owner], [row], 0]],
    ['a further field of an entry', [1, [owner], [[...row, 0]]]],
    ['an unknown type', withField(1, 3)],
    ['an owner that is not there', withField(3, 1)],
    ['an owner nobody has', [1, [owner, [1, 0, '', '']], [row]]],
    ['an owner listed twice', [1, [owner, owner], [row, [utf8('g'), ...row.slice(1, 3), 1, ...row.slice(4)]]]],
    ['a truth value that is none', withField(7, 0)],
    ['a child out of range', withField(9, [1, key, 5])],
    ['a reference cut short', withField(9, [0, key])],
    ['a short key', withField(9, [0, key.subarray(1), 5])],
    ['257 chunks in place', withField(9, Array.from({ length: 257 }, () => [0, key, 1]).flat())],
    ['a path as text', withField(0, 'f')],
    ['a float', withField(6, 5.5)],
    ['a fraction of a second', withField(4, 0.5)],
    ['a child nobody names', [1, [owner], [row]], [key, key]],
    ['no children', [1, [owner], [row]], []],
    ['entries out of order', [1, [owner], [row, [utf8('e'), ...row.slice(1)]]]],
    ['an entry twice', [1, [owner], [row, row]]],
    ['a map', {}],
    ['trailing bytes', Uint8Array.from([...good, 0])],
    ['a cut', good.subarray(0, -1)],
    ['nothing', new Uint8Array(0)],
    ['a number in a longer form', Uint8Array.from([good[0] ?? 0, 0x18, 0x01, ...good.subarray(2)])],
    ['an integer as float', Uint8Array.from([good[0] ?? 0, 0xf9, 0x3c, 0x00, ...good.subarray(2)])],
    ['an indefinite length', Uint8Array.from([0x9f, ...good.subarray(1), 0xff])],
  ])('refuses %s', (_, value, children) => {
    expect(codeThrownBy(() => decode(value, children))).toBe('integrity');
  });

  it('refuses an index in its place', () => {
    expect(codeThrownBy(() => decode(good, [key], frameKinds.manifestIndex))).toBe('integrity');
  });

  it('throws nothing but integrity errors for damaged bytes', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const damaged = Uint8Array.from(good);
        damaged[at] = value;
        try {
          decode(damaged);
        } catch (error) {
          expect(error).toMatchObject({ code: 'integrity' });
        }
      }),
      { numRuns: 300 },
    );
  });
});
