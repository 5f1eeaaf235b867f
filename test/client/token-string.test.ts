// Token strings (docs/format.md, "Token strings"): one spelling each, and every slip is noticed.
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClientError } from '../../src/client/errors.js';
import { formatToken, parseToken, type TokenString } from '../../src/client/token-string.js';
import { concatBytes, toHex, utf8 } from '../../src/protocol/bytes.js';
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

/** In base 62, with a checksum behind it. */
function spelled(body: Uint8Array): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  let digits = '';
  for (let value = BigInt(`0x${toHex(concatBytes(body, sum))}`); value > 0n; value /= 62n) {
    digits = (alphabet[Number(value % 62n)] ?? '') + digits;
  }
  return `jct_${digits}`;
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

  test.each<[string, number, Uint8Array]>([
    ['of another version', 2, new Uint8Array(52)],
    ['that is too short for a secret', 1, new Uint8Array(47)],
    ['whose address is no text', 1, concatBytes(new Uint8Array(48), Uint8Array.of(0xff, 0xfe))],
  ])('%s is refused, though its checksum is right', (_what, version, rest) => {
    const right = concatBytes(Uint8Array.of(1), new Uint8Array(48), utf8('file:'));
    expect(parseToken(spelled(right)).server).toBe('file:');
    expect(accepted([spelled(concatBytes(Uint8Array.of(version), rest))])).toEqual([]);
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
