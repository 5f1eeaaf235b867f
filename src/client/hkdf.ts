// HKDF-SHA-256 (RFC 5869) and the labels in front of every input (docs/format.md, "Conventions").
import { createHmac, hkdfSync } from 'node:crypto';
import { concatBytes, utf8 } from '../protocol/bytes.js';

const noSalt = new Uint8Array(0);

/** HKDF without a salt: `secret` is uniformly random already. `label` is ASCII and ends the info. */
export function deriveKey(secret: Uint8Array, label: string, lengthBytes = 32): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hkdfSync('sha256', secret, noSalt, label, lengthBytes));
}

/** HKDF with a salt; `info` is the label and whatever the output is bound to. */
export function deriveKeySalted(
  secret: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, lengthBytes));
}

/** `label | 0x00 | parts`: no label is the start of another's input. */
export function labelled(label: string, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concatBytes(utf8(label), Uint8Array.of(0), ...parts);
}

export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac('sha256', key).update(message).digest());
}
