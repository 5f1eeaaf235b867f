// The wire error code that some work ends with, for assertions.
import { ProtocolError } from '../../src/protocol/errors.js';

/** `none` when nothing is thrown; anything but a ProtocolError is thrown on, because it is a bug. */
export function protocolCodeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return 'none';
}
