// The committing envelope (docs/format.md, "Envelopes"): how every secret at rest is wrapped. The commitment pins key,
// purpose and context, so one ciphertext opens under one key only, and a wrong key is told from damage.
import { ok } from 'node:assert/strict';
import { createCipheriv, createDecipheriv, randomBytes, timingSafeEqual } from 'node:crypto';
import { sha256 } from '../protocol/blob-id.js';
import { concatBytes, equalBytes, utf8 } from '../protocol/bytes.js';
import { logBodyBytesMax } from '../protocol/limits.js';
import { ClientError, integrityError } from './errors.js';
import { deriveKeySalted, labelled } from './hkdf.js';

/** "JCE1". */
const magic = Uint8Array.of(0x4a, 0x43, 0x45, 0x31);
const saltBytes = 32;
const keyBytes = 32;
const nonceBytes = 12;
const commitmentBytes = 32;
const tagBytes = 16;
const clearBytes = magic.length + saltBytes + commitmentBytes;

/** What an envelope adds to its plaintext. */
export const envelopeOverheadBytes = clearBytes + tagBytes;
/** Longest envelope that is made or read. */
export const sealedEnvelopeBytesMax = logBodyBytesMax;

interface EnvelopeKeys {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly commitment: Uint8Array;
}

function envelopeKeys(kek: Uint8Array, salt: Uint8Array, purpose: string, aad: Uint8Array): EnvelopeKeys {
  const info = labelled('jaycloud/1/envelope', utf8(purpose), Uint8Array.of(0), sha256(aad));
  const output = deriveKeySalted(kek, salt, info, keyBytes + nonceBytes + commitmentBytes);
  return {
    key: output.subarray(0, keyBytes),
    nonce: output.subarray(keyBytes, keyBytes + nonceBytes),
    commitment: output.subarray(keyBytes + nonceBytes),
  };
}

/**
 * Wraps `plaintext` under `kek` (32 random bytes or more, never a password). `purpose` is ASCII without NUL; `aad`
 * names what the secret belongs to. The longest plaintext is `sealedEnvelopeBytesMax` less the overhead.
 */
export function sealEnvelope(
  kek: Uint8Array,
  purpose: string,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array<ArrayBuffer> {
  ok(kek.length >= keyBytes, 'an envelope needs a full key');
  ok(/^[\x21-\x7e]+$/.test(purpose), 'a purpose is ASCII');
  if (plaintext.length + envelopeOverheadBytes > sealedEnvelopeBytesMax) {
    throw new ClientError('failed', 'a secret is too long for its envelope');
  }
  const salt = new Uint8Array(randomBytes(saltBytes));
  const { key, nonce, commitment } = envelopeKeys(kek, salt, purpose, aad);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
  return concatBytes(magic, salt, commitment, ...sealed);
}

/**
 * The plaintext. Throws ClientError `wrong-credential` where key, purpose or `aad` is not the one of the envelope, and
 * `integrity` where the envelope is damaged.
 */
export function openEnvelope(
  kek: Uint8Array,
  purpose: string,
  aad: Uint8Array,
  envelope: Uint8Array,
): Uint8Array<ArrayBuffer> {
  if (envelope.length < envelopeOverheadBytes || envelope.length > sealedEnvelopeBytesMax) {
    throw integrityError('an envelope has a bad length');
  }
  if (!equalBytes(envelope.subarray(0, magic.length), magic))
    throw integrityError('not an envelope of a known version');
  const salt = envelope.subarray(magic.length, magic.length + saltBytes);
  const { key, nonce, commitment } = envelopeKeys(kek, salt, purpose, aad);
  if (!timingSafeEqual(commitment, envelope.subarray(magic.length + saltBytes, clearBytes))) {
    throw new ClientError('wrong-credential', 'the key does not fit');
  }
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(envelope.subarray(envelope.length - tagBytes));
  const opened = decipher.update(envelope.subarray(clearBytes, envelope.length - tagBytes));
  try {
    decipher.final();
  } catch (cause) {
    throw integrityError('an envelope is damaged', cause);
  }
  return new Uint8Array(opened);
}
