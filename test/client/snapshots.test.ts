import { describe, expect, test } from 'vitest';
import { checkName, parseReference, snapshotPath } from '../../src/client/snapshots.js';

describe('parseReference', () => {
  test.each([
    ['docs', 'docs', 'latest', undefined],
    ['laptop/home', 'laptop/home', 'latest', undefined],
    ['docs@3', 'docs', '3', undefined],
    ['docs@latest~2:a/b', 'docs', 'latest~2', 'a/b'],
    ['docs:a@b:c', 'docs', 'latest', 'a@b:c'],
    ['docs@2026-01-02T1030:a', 'docs', '2026-01-02T1030', 'a'],
    ['docs:', 'docs', 'latest', ''],
  ])('reads %s', (text, name, version, path) => {
    expect(parseReference(text)).toEqual({ name, version, path });
  });

  test.each(['', '@3', ':path', 'docs@', 'docs@:x', ' docs', 'a//b', '/docs', 'docs/'])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('checkName', () => {
  test('refuses what could not be named on a command line, and what is too long', () => {
    expect(checkName('my app/build 2')).toBe('my app/build 2');
    expect(checkName('a'.repeat(200))).toHaveLength(200);
    for (const name of ['a'.repeat(201), 'a@b', 'a:b', 'a\nb', '']) expect(() => checkName(name)).toThrow();
  });
});

describe('snapshotPath', () => {
  test('is the manifest’s spelling of what was typed', () => {
    const path = (text: string) => Buffer.from(snapshotPath(parseReference(text))).toString();
    expect(path('docs:/a//b/')).toBe('a/b');
    expect(path('docs:./a')).toBe('a');
    expect(path('docs:')).toBe('');
    expect(path('docs')).toBe('');
  });
});
