// Ed25519 (RFC 8032) over labelled messages, with keys as their 32 bytes.
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { concatBytes, utf8 } from './bytes.js';

const pkcs8Prefix = Uint8Array.from(Buffer.from('302e020100300506032b657004220420', 'hex'));
const spkiPrefix = Uint8Array.from(Buffer.from('302a300506032b6570032100', 'hex'));

/** A private key from its 32-byte seed (RFC 8410). */
export function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  const der = Buffer.from(concatBytes(pkcs8Prefix, seed));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

export function ed25519PublicKeyOf(privateKey: KeyObject): Uint8Array<ArrayBuffer> {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(spkiPrefix.length));
}

function signedBytes(label: string, message: Uint8Array): Uint8Array {
  return concatBytes(utf8(label), Uint8Array.of(0), message);
}

/** 64 bytes over `label | 0x00 | message`. */
export function signLabelled(privateKey: KeyObject, label: string, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sign(null, signedBytes(label, message), privateKey));
}

/** False for a wrong signature and for a public key that is no point. */
export function isLabelledSigned(
  publicKey: Uint8Array,
  label: string,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const der = Buffer.from(concatBytes(spkiPrefix, publicKey));
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return verify(null, signedBytes(label, message), key, signature);
  } catch {
    return false;
  }
}
