// Typed fields of decoded log entries; every fault is ProtocolError `malformed`.
import { ProtocolError } from './errors.js';

/** Without `lengthBytes` any length. */
export function bytesOf(value: unknown, lengthBytes?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (lengthBytes !== undefined && value.length !== lengthBytes)) {
    throw new ProtocolError('malformed', 'log entry has a field of the wrong length');
  }
  return value;
}

/** A whole number from 0 on. */
export function countOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new ProtocolError('malformed', 'log entry has a number out of range');
  }
  return value;
}

export function listOf(value: unknown, min: number, max: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length < min || value.length > max) {
    throw new ProtocolError('malformed', 'log entry has the wrong shape');
  }
  return value;
}
