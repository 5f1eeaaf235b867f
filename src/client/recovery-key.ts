// The recovery key as people write it down (docs/format.md, "Recovery keys"): Crockford base32 with a checksum.
import { ok } from 'node:assert/strict';
import { sha256 } from '../protocol/blob-id.js';
import { concatBytes, equalBytes } from '../protocol/bytes.js';
import { ClientError } from './errors.js';
import { labelled } from './hkdf.js';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const recoveryKeyBytes = 32;
const checksumBytes = 3;
const groupCharacters = 4;
/** 35 bytes are 56 characters without a rest. */
const characters = ((recoveryKeyBytes + checksumBytes) * 8) / 5;

function checksum(key: Uint8Array): Uint8Array {
  return sha256(labelled('jaycloud/1/recovery-key', key)).subarray(0, checksumBytes);
}

/** 14 groups of 4 characters joined by `-`. */
export function formatRecoveryKey(key: Uint8Array): string {
  ok(key.length === recoveryKeyBytes, 'a recovery key has 32 bytes');
  let bits = 0n;
  for (const byte of concatBytes(key, checksum(key))) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let at = characters - 1; at >= 0; at -= 1) {
    text += alphabet.charAt(Number((bits >> BigInt(5 * at)) & 31n));
    if (at % groupCharacters === 0 && at > 0) text += '-';
  }
  return text;
}

/**
 * Reads a recovery key as typed: any case, spaces and hyphens anywhere, O for 0, I and L for 1. Throws ClientError
 * `wrong-credential` for everything that a typing error makes of it; the message repeats nothing of the key.
 */
export function parseRecoveryKey(text: string): Uint8Array {
  const typed = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  if (typed.length !== characters) {
    const hint = `It has ${String(characters)} letters and digits, yours has ${String(typed.length)}.`;
    throw new ClientError('wrong-credential', 'this is not a whole recovery key', hint);
  }
  let bits = 0n;
  for (const character of typed) {
    const value = alphabet.indexOf(character);
    if (value < 0)
      throw new ClientError('wrong-credential', 'a recovery key has no such character', 'Check for a slip.');
    bits = (bits << 5n) | BigInt(value);
  }
  const bytes = new Uint8Array(recoveryKeyBytes + checksumBytes);
  for (let at = bytes.length - 1; at >= 0; at -= 1) {
    bytes[at] = Number(bits & 255n);
    bits >>= 8n;
  }
  const key = bytes.slice(0, recoveryKeyBytes);
  if (!equalBytes(bytes.subarray(recoveryKeyBytes), checksum(key))) {
    throw new ClientError('wrong-credential', 'the recovery key has a typing error', 'Compare it letter by letter.');
  }
  return key;
}
