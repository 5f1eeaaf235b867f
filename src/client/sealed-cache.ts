// Encryption of what this machine caches: AES-256-GCM under a key that only the vault's members have. A random nonce per
// block is safe here: one key sees far fewer than 2^32 blocks, and nothing but this machine reads them.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { concatBytes, utf8 } from '../protocol/bytes.js';
import { freeBuffer } from './free-buffer.js';

const nonceBytes = 12;
const tagBytes = 16;
/** What a block grows by. */
export const sealedOverheadBytes = nonceBytes + tagBytes;

/** `purpose` says what the block is and where it stands, so that no block can take another's place. */
export function sealCacheBlock(key: Uint8Array, purpose: string, plain: Uint8Array): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(utf8(purpose));
  const body = cipher.update(plain);
  // In this mode nothing is left for the end but the tag.
  cipher.final();
  const sealed = concatBytes(nonce, body, cipher.getAuthTag());
  freeBuffer(body);
  return sealed;
}

/** Throws for anything that this key and purpose did not seal; callers then go on without the cache. */
export function openCacheBlock(key: Uint8Array, purpose: string, sealed: Uint8Array): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes));
  decipher.setAAD(utf8(purpose));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  const plain = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes));
  // Nor is here anything but the check.
  decipher.final();
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
}
