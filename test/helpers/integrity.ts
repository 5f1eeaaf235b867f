// Expects the typed error of bytes that are not what they claim to be.
import { expect } from 'vitest';
import { ClientError, type ClientErrorCode } from '../../src/client/errors.js';

/** Runs `work` and returns the code of the ClientError it throws; anything else fails the test. */
export function codeThrownBy(work: () => unknown): ClientErrorCode {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ClientError);
    if (error instanceof ClientError) return error.code;
  }
  throw new Error('expected a ClientError');
}

/** A copy with one change. */
export function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = Uint8Array.from(bytes);
  change(copy);
  return copy;
}

export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return changed(bytes, (copy) => {
    copy[at] = (copy[at] ?? 0) ^ 1;
  });
}
