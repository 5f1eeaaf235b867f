// Token strings (docs/format.md, "Token strings"): one spelling each, and every slip is noticed.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClientError } from '../../src/client/errors.js';
import { formatToken, parseToken, type TokenString } from '../../src/client/token-string.js';
import { toHex } from '../../src/protocol/bytes.js';
import { codeThrownBy } from '../helpers/integrity.js';

const alphabet = Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
const token: TokenString = {
  id: new Uint8Array(16).fill(7),
  secret: Uint8Array.from({ length: 32 }, (_, at) => at * 7 + 1),
  server: 'https://storage.example:8787',
};
const text = formatToken(token);

function accepted(texts: readonly string[]): string[] {
  return texts.filter((typed) => {
    try {
      parseToken(typed);
      return true;
    } catch (error) {
      if (error instanceof ClientError && error.code === 'wrong-credential') return false;
      throw error;
    }
  });
}

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const servers = fc.oneof(
  fc.constantFrom('', 'file:///srv/vault', 'http://127.0.0.1:8787'),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
);

describe('a token string', () => {
  test('gives back what it was made of, in a form that scanners find', () => {
    fc.assert(
      fc.property(fixed(16), fixed(32), servers, (id, secret, server) => {
        const made = formatToken({ id, secret, server });
        expect(made).toMatch(/^jct_[0-9A-Za-z]{60,}$/);
        expect(parseToken(made)).toEqual({ id, secret, server });
      }),
    );
  });

  test('may stand between white space', () => {
    expect(parseToken(`\n  ${text}\r\n`)).toEqual(token);
  });

  test('is refused with any one character changed', () => {
    const changes = Array.from(text).flatMap((character, at) =>
      alphabet.filter((other) => other !== character).map((other) => text.slice(0, at) + other + text.slice(at + 1)),
    );
    expect(changes.length).toBeGreaterThan(60 * alphabet.length);
    expect(accepted(changes)).toEqual([]);
  });

  test('is refused with any one character missing or twice, and with any two neighbours swapped', () => {
    const slips = Array.from(text).flatMap((character, at) => [
      text.slice(0, at) + text.slice(at + 1),
      text.slice(0, at) + character + text.slice(at),
      text.slice(0, at) + text.charAt(at + 1) + character + text.slice(at + 2),
    ]);
    expect(accepted(slips.filter((slip) => slip !== text))).toEqual([]);
  });

  test('is refused when it is cut off or begins otherwise', () => {
    const cut = Array.from(text).map((_, length) => text.slice(0, length));
    const digits = text.slice(4);
    // A leading zero is the same number in another spelling.
    const other = [digits, `jcT_${digits}`, `jct-${digits}`, `jct_0${digits}`, `jct_ ${digits}`, `"${text}"`];
    expect(accepted([...cut, ...other, `${text}\n${text}`, `${text}=`, text.replace('j', 'ј')])).toEqual([]);
  });

  test('of another version is refused, whole as it may be', () => {
    // The version is the first byte: the number that is larger by 256 to the rest has the version 2, and another checksum.
    expect(accepted([`jct_${'z'.repeat(text.length - 4)}`])).toEqual([]);
  });

  test('says what is wrong and repeats nothing of what was typed', () => {
    const typed = `${text.slice(0, -1)}${text.endsWith('a') ? 'b' : 'a'}`;
    try {
      parseToken(typed);
      expect.unreachable();
    } catch (error) {
      const { message, hint } = error as ClientError;
      expect(hint).toMatch(/checksum/);
      expect(`${message} ${hint ?? ''}`).not.toContain(typed.slice(4, 12));
    }
  });

  test('holds the longest address, and one byte more has no token', () => {
    const longest = { ...token, server: 's'.repeat(1024) };
    expect(parseToken(formatToken(longest)).server).toHaveLength(1024);
    // The checksum of the least and of the greatest number fit too.
    const greatest = { ...longest, id: new Uint8Array(16).fill(255), secret: new Uint8Array(32).fill(255) };
    expect(toHex(parseToken(formatToken(greatest)).secret)).toBe('ff'.repeat(32));
    expect(codeThrownBy(() => formatToken({ ...token, server: 's'.repeat(1025) }))).toBe('failed');
    expect(codeThrownBy(() => parseToken(`jct_${'1'.repeat(100_000)}`))).toBe('wrong-credential');
  });

  test('is never the same for two secrets', () => {
    const made = Array.from({ length: 200 }, () => formatToken({ ...token, secret: new Uint8Array(randomBytes(32)) }));
    expect(new Set(made).size).toBe(200);
  });
});
