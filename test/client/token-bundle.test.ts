// Token bundles (docs/format.md, "Token bundles"): only the token that a bundle was made for opens it.
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { sealEnvelope } from '../../src/client/envelope.js';
import { NameKey } from '../../src/client/name-key.js';
import { encodeStrict } from '../../src/client/strict-cbor.js';
import { openTokenBundle, sealTokenBundle, type TokenBundle } from '../../src/client/token-bundle.js';
import { concatBytes } from '../../src/protocol/bytes.js';
import { codeThrownBy, flipped } from '../helpers/integrity.js';

const bytes = (length: number) => new Uint8Array(randomBytes(length));
const key = bytes(32);
const context = { tokenId: bytes(16), vaultId: bytes(16) };
const names = NameKey.ofVault(bytes(32));
const pushOnly: TokenBundle = {
  identityPublicKey: bytes(32),
  vaultPublicKey: bytes(32),
  names: names.partsFor('ci'),
  domain: { dedupSalt: bytes(32), chunkerSecret: bytes(32) },
  hpkeSeeds: [],
};
const reader: TokenBundle = {
  ...pushOnly,
  names: names.partsFor(''),
  domain: undefined,
  hpkeSeeds: [bytes(32), bytes(32)],
};
const sealed = sealTokenBundle(key, context, pushOnly);

describe('a token bundle', () => {
  test('gives the token what was sealed for it', () => {
    for (const bundle of [pushOnly, reader]) {
      expect(openTokenBundle(key, context, sealTokenBundle(key, context, bundle))).toEqual(bundle);
    }
  });

  test('is not opened as that of another token, of another vault or with another key', () => {
    const { tokenId, vaultId } = context;
    const wrong = [
      () => openTokenBundle(key, { tokenId: bytes(16), vaultId }, sealed),
      () => openTokenBundle(key, { tokenId, vaultId: bytes(16) }, sealed),
      () => openTokenBundle(key, { tokenId: vaultId, vaultId: tokenId }, sealed),
      () => openTokenBundle(bytes(32), context, sealed),
    ];
    expect(wrong.map(codeThrownBy)).toEqual(wrong.map(() => 'integrity'));
  });

  test('is refused with any byte changed, cut off or added', () => {
    for (let at = 0; at < sealed.length; at += 1) {
      expect(codeThrownBy(() => openTokenBundle(key, context, flipped(sealed, at)))).toBe('integrity');
    }
    for (const other of [
      sealed.subarray(0, -1),
      concatBytes(sealed, bytes(1)),
      new Uint8Array(),
      sealed.subarray(0, 20),
    ]) {
      expect(codeThrownBy(() => openTokenBundle(key, context, other))).toBe('integrity');
    }
  });

  const { identityPublicKey: identity, vaultPublicKey: vault, names: parts } = pushOnly;
  const named = [parts.prefix, parts.exactPath, parts.path, parts.key];
  test.each<[string, unknown]>([
    ['another version', [2, identity, vault, named, [], []]],
    ['a field missing', [1, identity, vault, named, []]],
    ['a field too many', [1, identity, vault, named, [], [], []]],
    ['a short identity', [1, identity.subarray(1), vault, named, [], []]],
    ['a long vault key', [1, identity, bytes(33), named, [], []]],
    ['a text for a key', [1, identity, 'vault', named, [], []]],
    ['a name that is no text', [1, identity, vault, [bytes(2), ...named.slice(1)], [], []]],
    ['half a name', [1, identity, vault, named.slice(0, 2), [], []]],
    ['a path beyond all names', [1, identity, vault, ['ci', bytes(3216), parts.path, parts.key], [], []]],
    ['three domain keys', [1, identity, vault, named, [bytes(32), bytes(32), bytes(32)], []]],
    ['a short domain key', [1, identity, vault, named, [bytes(32), bytes(31)], []]],
    ['a short seed', [1, identity, vault, named, [], [bytes(31)]]],
    ['no list', 7],
  ])('with %s is refused, though its own key has sealed it', (_what, content) => {
    const forged = sealEnvelope(key, 'token', concatBytes(context.tokenId, context.vaultId), encodeStrict(content));
    expect(codeThrownBy(() => openTokenBundle(key, context, forged))).toBe('integrity');
  });
});
