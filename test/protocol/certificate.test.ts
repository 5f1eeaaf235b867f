// Certificates (docs/format.md, "Certificates"): one spelling each, and none that contradicts itself.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Certificate, decodeCertificate, encodeCertificate, scopes } from '../../src/protocol/certificate.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

const bytes = (length: number) => new Uint8Array(randomBytes(length));
const token: Certificate = {
  kind: 'token',
  id: bytes(16),
  publicKey: bytes(32),
  scopes: ['push', 'pull'],
  prefixTags: [bytes(32)],
  expiresAtMs: 1_900_000_000_000,
  quotaBytes: 5,
  isPushOnly: false,
};
const unlimited = { prefixTags: [], expiresAtMs: 0, quotaBytes: 0, isPushOnly: false };
const session: Certificate = { ...token, kind: 'session', scopes, ...unlimited };
const pushOnly: Certificate = { ...token, scopes: ['push'], isPushOnly: true };

/** The encoded fields of `certificate`, one of them replaced. */
function withField(certificate: Certificate, at: number, value: unknown): unknown[] {
  return encodeCertificate(certificate).map((field, place) => (place === at ? value : field));
}

describe('decodeCertificate', () => {
  test('gives back what was encoded, for sessions and for tokens of every kind', () => {
    const some = fc.record<Certificate>({
      kind: fc.constant('token'),
      id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      scopes: fc.subarray([...scopes], { minLength: 1 }),
      prefixTags: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 2 }),
      expiresAtMs: fc.maxSafeNat(),
      quotaBytes: fc.maxSafeNat(),
      isPushOnly: fc.constant(false),
    });
    fc.assert(
      fc.property(fc.oneof(some, fc.constantFrom(session, pushOnly)), (certificate) => {
        expect(decodeCertificate(encodeCertificate(certificate))).toEqual(certificate);
      }),
    );
  });

  test.each<[string, number, unknown]>([
    ['an unknown kind', 0, 'robot'],
    ['no kind', 0, null],
    ['a short id', 1, bytes(15)],
    ['a long id', 1, bytes(17)],
    ['an id in text', 1, 'a'.repeat(16)],
    ['a short key', 2, bytes(31)],
    ['a long key', 2, bytes(33)],
    ['no scope', 3, []],
    ['an unknown scope', 3, ['push', 'admin']],
    ['an unknown scope alone', 3, ['admin']],
    ['scopes in another order', 3, ['pull', 'push']],
    ['a scope twice', 3, ['push', 'push']],
    ['more scopes than there are', 3, [...scopes, 'push']],
    ['scopes in text', 3, 'push'],
    ['three prefixes', 4, [bytes(32), bytes(32), bytes(32)]],
    ['a short prefix', 4, [bytes(31)]],
    ['a prefix in text', 4, ['ci/']],
    ['a negative expiry', 5, -1],
    ['half a millisecond', 5, 0.5],
    ['an expiry beyond numbers', 5, 2 ** 53],
    ['no expiry', 5, null],
    ['a negative quota', 6, -1],
    ['an endless quota', 6, Number.POSITIVE_INFINITY],
    ['a quota in text', 6, '5'],
    ['a number for a yes', 7, 1],
    ['nothing for a no', 7, null],
  ])('refuses %s', (_what, at, value) => {
    expect(protocolCodeOf(() => decodeCertificate(withField(token, at, value)))).toBe('malformed');
  });

  test('refuses a field too many or too few, and what is no list', () => {
    const fields = encodeCertificate(token);
    for (const value of [fields.slice(0, 7), [...fields, false], [], {}, null, 'token']) {
      expect(protocolCodeOf(() => decodeCertificate(value))).toBe('malformed');
    }
  });

  test.each<[string, number, unknown]>([
    ['without a scope', 3, ['push', 'list', 'pull']],
    ['with a prefix', 4, [bytes(32)]],
    ['with an expiry', 5, 1],
    ['with a quota', 6, 1],
    ['that can only push', 7, true],
  ])('refuses a session %s', (_what, at, value) => {
    expect(protocolCodeOf(() => decodeCertificate(withField(session, at, value)))).toBe('malformed');
  });

  test.each(['list', 'pull', 'forget'] as const)('refuses push-only together with the scope %s', (scope) => {
    for (const value of [['push', scope], [scope]]) {
      expect(protocolCodeOf(() => decodeCertificate(withField(pushOnly, 3, value)))).toBe('malformed');
    }
  });
});
