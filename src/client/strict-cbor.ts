// Deterministic CBOR (docs/format.md, "Structured data"): one value has exactly one encoding, and no other is read.

import { equalBytes } from '../protocol/bytes.js';
import { decode, encode } from '../protocol/packages/cborg.js';
import { integrityError } from './errors.js';

export function encodeStrict(value: unknown): Uint8Array {
  return encode(value);
}

/**
 * Decodes what `encodeStrict` makes. Anything else throws integrityError: trailing bytes, longer forms of a number,
 * floats in the place of integers, broken UTF-8, indefinite lengths, tags.
 */
export function decodeStrict(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      rejectDuplicateMapKeys: true,
    });
  } catch (cause) {
    throw integrityError('structured data cannot be decoded', cause);
  }
  // Encoding again is the one check that catches every other spelling of the same value.
  if (!equalBytes(encode(value), bytes)) throw integrityError('structured data is not in its one valid form');
  return value;
}

/** An integer from `min` to `max`, both included; throws integrityError. */
export function integerField(value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw integrityError('a number is missing or out of range');
  }
  return value;
}

/** Bytes of a length from `min` to `max`; throws integrityError. */
export function bytesField(value: unknown, min: number, max: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length < min || value.length > max) {
    throw integrityError('a byte string is missing or has the wrong length');
  }
  return value;
}

/** A text of at most `bytesMax` UTF-8 bytes without NUL; throws integrityError. */
export function textField(value: unknown, bytesMax: number): string {
  if (typeof value !== 'string' || Buffer.byteLength(value) > bytesMax || value.includes('\0')) {
    throw integrityError('a text is missing, too long or has a NUL');
  }
  return value;
}

/** An array of a length from `min` to `max`; throws integrityError. */
export function arrayField(value: unknown, min: number, max: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length < min || value.length > max) {
    throw integrityError('a list is missing or has the wrong length');
  }
  return value;
}
