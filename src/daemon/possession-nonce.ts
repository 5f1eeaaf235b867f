// The nonce of possession proofs (docs/protocol.md, "Possession proofs"): stateless, bound to one vault, good for minutes.
// Any process that holds the daemon's master key can check it.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { concatBytes, utf8 } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { possessionTtlMs } from '../protocol/limits.js';

const randomLengthBytes = 16;
const clearBytes = randomLengthBytes + 8;

/** `random 16 | expiry u64, ms | HMAC-SHA-256 32`. */
export const possessionNonceBytes = clearBytes + 32;

function tagOf(key: Uint8Array, vaultId: Uint8Array, clear: Uint8Array): Uint8Array {
  const label = concatBytes(utf8('jaycloud/1/possession-nonce'), Uint8Array.of(0));
  return createHmac('sha256', key).update(label).update(vaultId).update(clear).digest();
}

export interface PossessionNonce {
  readonly nonce: Uint8Array;
  readonly expiresAtMs: number;
}

export function createPossessionNonce(key: Uint8Array, vaultId: Uint8Array, nowMs: number): PossessionNonce {
  const expiresAtMs = nowMs + possessionTtlMs;
  const clear = new Uint8Array(clearBytes);
  clear.set(randomBytes(randomLengthBytes));
  new DataView(clear.buffer).setBigUint64(randomLengthBytes, BigInt(expiresAtMs));
  return { nonce: concatBytes(clear, tagOf(key, vaultId, clear)), expiresAtMs };
}

/** Throws ProtocolError `challenge-invalid` for a nonce that was not made for this vault, `challenge-expired` for an old one. */
export function checkPossessionNonce(key: Uint8Array, vaultId: Uint8Array, nonce: Uint8Array, nowMs: number): void {
  const clear = nonce.subarray(0, clearBytes);
  if (
    nonce.length !== possessionNonceBytes ||
    !timingSafeEqual(nonce.subarray(clearBytes), tagOf(key, vaultId, clear))
  ) {
    throw new ProtocolError('challenge-invalid', 'the nonce is not one of this vault');
  }
  const expiresAtMs = Number(new DataView(clear.buffer, clear.byteOffset).getBigUint64(randomLengthBytes));
  if (nowMs > expiresAtMs) throw new ProtocolError('challenge-expired', 'ask again for a nonce');
}
