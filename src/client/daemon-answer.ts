// Answers of the daemon: read within a bound, parsed, turned back into the errors that they stand for.
import { concatBytes, copyInto } from '../protocol/bytes.js';
import { isErrorCode, ProtocolError } from '../protocol/errors.js';
import { parseErrorResponse } from '../protocol/messages.js';
import { ClientError, integrityError } from './errors.js';
import type { TransportResponse } from './transport.js';

/** An answer longer than what was asked for can be. */
export class LongAnswerError extends ClientError {
  constructor() {
    super('integrity', 'the daemon sent an answer that is too long');
  }
}

export async function readInto(
  response: TransportResponse,
  memory: Uint8Array,
  onReceived?: (bytes: number) => void,
): Promise<Uint8Array> {
  const target = Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength);
  let lengthBytes = 0;
  for await (const part of response.body) {
    if (lengthBytes + part.length > memory.length) throw new LongAnswerError();
    copyInto(target, part, lengthBytes);
    lengthBytes += part.length;
    onReceived?.(part.length);
  }
  return memory.subarray(0, lengthBytes);
}

export async function readAll(response: TransportResponse, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let lengthBytes = 0;
  for await (const part of response.body) {
    lengthBytes += part.length;
    if (lengthBytes > bytesMax) throw new LongAnswerError();
    parts.push(part);
  }
  return concatBytes(...parts);
}

export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  } catch (cause) {
    throw new ClientError('failed', 'the daemon sent an answer that is not JSON', 'is this a JayCloud daemon?', {
      cause,
    });
  }
}

export function refusal(status: number, bytes: Uint8Array): Error {
  try {
    const { error } = parseErrorResponse(parseJson(bytes));
    const { code, message, ticket, notBefore } = error;
    if (isErrorCode(code)) {
      return new ProtocolError(code, message, ticket && notBefore ? { retry: { ticket, notBefore } } : {});
    }
  } catch {
    // Something between us and the daemon answered: report the status below.
  }
  return new ClientError(
    'failed',
    `the server answered with HTTP status ${String(status)}`,
    'is this a JayCloud daemon?',
  );
}

/** True for failures after which the same request may be sent again: the daemon never acknowledged it. */
export function isConnectionFailure(error: unknown): boolean {
  return error instanceof Error && !(error instanceof ClientError) && !(error instanceof ProtocolError);
}

export function unreachable(server: string, cause: unknown): ClientError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ClientError(
    'unreachable',
    `cannot reach the daemon at ${server}: ${reason}`,
    'is jaycloudd running there? The address comes from --server, JAYCLOUD_SERVER or the last login',
    { cause },
  );
}

/** A query or an upload is answered with one letter for each blob. */
export function checkedStates<T extends { readonly states: string }>(response: T, count: number): T {
  if (response.states.length !== count) {
    throw integrityError('the daemon answered for another number of blobs than asked');
  }
  return response;
}
