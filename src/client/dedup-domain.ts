// Dedup domains (docs/format.md, "Dedup domains"): the salt of the chunk keys decides who can share a blob with whom.
import { sha256 } from '../protocol/blob-id.js';
import { utf8 } from '../protocol/bytes.js';
import { deriveKey } from './hkdf.js';

/** Public: equal content of all vaults becomes one blob, and whoever guesses content can confirm the guess. */
export const everyoneSalt: Uint8Array = sha256(utf8('jaycloud/1/domain/everyone'));

/** Secret of one vault: nobody outside can test guesses. `vaultSecret` has 32 bytes. */
export function vaultSalt(vaultSecret: Uint8Array): Uint8Array {
  return deriveKey(vaultSecret, 'jaycloud/1/vault/dedup-salt');
}
