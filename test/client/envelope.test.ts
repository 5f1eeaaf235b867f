// Envelopes and recovery keys (docs/format.md, "Envelopes", "Recovery keys").
import { createCipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  envelopeOverheadBytes,
  openEnvelope,
  sealEnvelope,
  sealedEnvelopeBytesMax,
} from '../../src/client/envelope.js';
import { formatRecoveryKey, parseRecoveryKey } from '../../src/client/recovery-key.js';
import { concatBytes, equalBytes, utf8 } from '../../src/protocol/bytes.js';
import { codeThrownBy, flipped } from '../helpers/integrity.js';

const kek = new Uint8Array(32).fill(1);
const aad = utf8('account 42');
const secret = new Uint8Array(32).fill(9);
const envelope = sealEnvelope(kek, 'root/password', aad, secret);

describe('an envelope', () => {
  it('gives back any secret, and never looks the same twice', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.uint8Array({ maxLength: 50 }), (plaintext, context) => {
        const sealed = sealEnvelope(kek, 'p', context, plaintext);
        expect(sealed.length).toBe(plaintext.length + envelopeOverheadBytes);
        expect(openEnvelope(kek, 'p', context, sealed)).toEqual(plaintext);
        expect(equalBytes(sealEnvelope(kek, 'p', context, plaintext), sealed)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['key', flipped(kek, 0), 'root/password', aad],
    ['purpose', kek, 'root/recovery', aad],
    ['context', kek, 'root/password', utf8('account 43')],
    ['context that moves into the purpose', kek, 'root/passwordaccount', utf8(' 42')],
  ])('tells a wrong %s', (_, key, purpose, context) => {
    expect(codeThrownBy(() => openEnvelope(key, purpose, context, envelope))).toBe('wrong-credential');
  });

  it('refuses damage, cuts and additions', () => {
    for (const at of [0, 3, 68, envelope.length - 17, envelope.length - 1]) {
      expect(codeThrownBy(() => openEnvelope(kek, 'root/password', aad, flipped(envelope, at)))).toBe('integrity');
    }
    for (const at of [4, 35, 36, 67]) {
      expect(codeThrownBy(() => openEnvelope(kek, 'root/password', aad, flipped(envelope, at)))).toBe(
        'wrong-credential',
      );
    }
    const bad = [
      envelope.subarray(0, -1),
      concatBytes(envelope, new Uint8Array(1)),
      envelope.subarray(0, 83),
      new Uint8Array(0),
    ];
    for (const one of bad) expect(codeThrownBy(() => openEnvelope(kek, 'root/password', aad, one))).toBe('integrity');
  });

  it('opens under no key but the one it commits to, whatever its ciphertext opens under', () => {
    const other = new Uint8Array(randomBytes(32));
    const cipher = createCipheriv('aes-256-gcm', other, new Uint8Array(12));
    const foreign = concatBytes(envelope.subarray(0, 68), cipher.update(secret), cipher.final(), cipher.getAuthTag());
    expect(codeThrownBy(() => openEnvelope(other, 'root/password', aad, foreign))).toBe('wrong-credential');
    expect(codeThrownBy(() => openEnvelope(kek, 'root/password', aad, foreign))).toBe('integrity');
  });

  it('has a limit, both ways', () => {
    const longest = new Uint8Array(sealedEnvelopeBytesMax - envelopeOverheadBytes);
    expect(sealEnvelope(kek, 'p', aad, longest).length).toBe(sealedEnvelopeBytesMax);
    expect(codeThrownBy(() => sealEnvelope(kek, 'p', aad, new Uint8Array(longest.length + 1)))).toBe('failed');
    const beyond = new Uint8Array(sealedEnvelopeBytesMax + 1);
    expect(codeThrownBy(() => openEnvelope(kek, 'p', aad, beyond))).toBe('integrity');
  });

  it('is made under full keys and plain purposes only', () => {
    expect(() => sealEnvelope(kek.subarray(1), 'p', aad, secret)).toThrow('full key');
    expect(() => sealEnvelope(kek, '', aad, secret)).toThrow('ASCII');
    expect(() => sealEnvelope(kek, 'a\0b', aad, secret)).toThrow('ASCII');
  });
});

describe('a recovery key', () => {
  it('reads back however it is typed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        const text = formatRecoveryKey(key);
        expect(text).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){13}$/);
        const sloppy = ` ${text.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')}\n`;
        for (const typed of [text, sloppy, text.replaceAll('1', 'I')]) expect(parseRecoveryKey(typed)).toEqual(key);
      }),
    );
  });

  it('notices every single wrong or swapped letter', () => {
    const text = formatRecoveryKey(new Uint8Array(randomBytes(32)));
    for (let at = 0; at < text.length; at += 1) {
      if (text[at] === '-') continue;
      const other = text[at] === 'A' ? 'B' : 'A';
      const wrong = text.slice(0, at) + other + text.slice(at + 1);
      expect(codeThrownBy(() => parseRecoveryKey(wrong))).toBe('wrong-credential');
      const swapped = text.slice(0, at) + (text[at + 1] ?? '') + (text[at] ?? '') + text.slice(at + 2);
      if (swapped.replaceAll('-', '') === text.replaceAll('-', '')) continue;
      expect(codeThrownBy(() => parseRecoveryKey(swapped))).toBe('wrong-credential');
    }
  });

  it('refuses too few letters, too many, and those that no key has', () => {
    const text = formatRecoveryKey(new Uint8Array(32));
    for (const wrong of ['', text.slice(0, -1), `${text}0`, text.replace('0', 'U'), text.replace('0', '!')]) {
      expect(codeThrownBy(() => parseRecoveryKey(wrong))).toBe('wrong-credential');
    }
  });
});
