// What a recovery key signs (docs/protocol.md, "Recovery"): one signature that opens the keyring, one that replaces the
// password. Both cover the challenge of the daemon, so neither is of use a second time.
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { sha256 } from './blob-id.js';
import { concatBytes, fromBase64, toBase64, utf8 } from './bytes.js';
import { encodeKeyStretching } from './key-stretching.js';
import type { KeyStretching } from './messages.js';

const separator = Uint8Array.of(0);

/** `challenge`: 32 bytes. */
export function recoveryOpenBytes(challenge: Uint8Array, account: string): Uint8Array<ArrayBuffer> {
  return concatBytes(utf8('jaycloud/1/recovery-open'), separator, challenge, utf8(account));
}

/** The new password as it travels: record and envelope are base64 text. */
export interface NewPasswordParts {
  readonly registrationRecord: string;
  readonly passwordEnvelope: string;
  readonly keyStretching: KeyStretching;
}

/** The record is hashed as text, the envelope as bytes; throws ProtocolError `malformed` where the envelope is not base64. */
export function recoveryFinishBytes(challenge: Uint8Array, parts: NewPasswordParts): Uint8Array<ArrayBuffer> {
  return concatBytes(
    utf8('jaycloud/1/recovery-finish'),
    separator,
    challenge,
    sha256(utf8(parts.registrationRecord)),
    sha256(fromBase64(parts.passwordEnvelope)),
    encodeKeyStretching(parts.keyStretching),
  );
}

/** 64 bytes of Ed25519. */
export function signRecovery(signingKey: KeyObject, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sign(null, bytes, signingKey));
}

/** False for a wrong signature and for a public key that is no point. */
export function isRecoverySigned(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64(publicKey) }, format: 'jwk' });
    return verify(null, bytes, key, signature);
  } catch {
    return false;
  }
}
