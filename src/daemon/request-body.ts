// Reads request bodies with their limits (docs/protocol.md, "Limits"). The body comes from the Node stream beside the
// request where there is one: reading an upload through a web stream costs about three times as much.
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Context } from 'hono';
import { ProtocolError } from '../protocol/errors.js';
import { uploadBytesMax } from '../protocol/limits.js';

/** How much of a body that was refused is read and thrown away, so that its sender gets to see the answer. */
const drainBytesMax = uploadBytesMax;
const drainTimeoutMs = 10_000;

/** What `app.fetch(request, { incoming })` was given; a request without it is read as a web stream. */
function incomingOf(c: Context): Readable | undefined {
  return (c.env as { incoming?: Readable } | undefined)?.incoming;
}

/** A sender may go away while nobody reads its body; that must not become an unhandled error. Call it first of all. */
export function guardBody(c: Context): void {
  incomingOf(c)?.on('error', () => undefined);
}

function bodyOf(c: Context): Readable {
  const incoming = incomingOf(c);
  if (incoming !== undefined) return incoming;
  const { body } = c.req.raw;
  return body === null ? Readable.from([]) : Readable.fromWeb(body as ReadableStream<Uint8Array>);
}

/**
 * Hands each piece of the body to `take`, and waits whenever `take` returns a promise. Throws ProtocolError `too-large`
 * past `bytesMax`, `request-timeout` when the sender goes away; what `take` throws passes. The rest of a body that was
 * refused stays unread.
 */
export function readBody(
  c: Context,
  bytesMax: number,
  take: (piece: Uint8Array) => Promise<void> | undefined,
): Promise<void> {
  const tooLarge = new ProtocolError('too-large', `a body of at most ${String(bytesMax)} bytes is taken here`);
  if (Number(c.req.header('content-length') ?? '0') > bytesMax) return Promise.reject(tooLarge);
  const body = bodyOf(c);
  return new Promise((resolve, reject) => {
    let receivedBytes = 0;
    let takesPending = 0;
    let hasEnded = false;
    let isSettled = false;
    const settle = (error?: unknown): void => {
      if (isSettled) return;
      isSettled = true;
      body.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
      body.pause();
      if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error('body reader failed', { cause: error }));
    };
    const onLost = (cause?: unknown): void => {
      if (!hasEnded) settle(new ProtocolError('request-timeout', 'the body stopped before its end', { cause }));
    };
    const onData = (piece: Uint8Array): void => {
      receivedBytes += piece.length;
      if (receivedBytes > bytesMax) {
        settle(tooLarge);
        return;
      }
      try {
        const taken = take(piece);
        if (taken === undefined) return;
        takesPending += 1;
        body.pause();
        taken.then(() => {
          takesPending -= 1;
          if (takesPending > 0 || isSettled) return;
          // The end may have come while the last piece was being taken.
          if (hasEnded) settle();
          else body.resume();
        }, settle);
      } catch (error) {
        settle(error);
      }
    };
    const onEnd = (): void => {
      hasEnded = true;
      if (takesPending === 0) settle();
    };
    if (body.readableEnded) {
      settle();
      return;
    }
    if (body.destroyed) {
      onLost();
      return;
    }
    body.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
  });
}

/** The parsed JSON body; throws ProtocolError `too-large` past `bytesMax` and `malformed` for anything but JSON. */
export async function readJson(c: Context, bytesMax: number): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  await readBody(c, bytesMax, (piece) => {
    pieces.push(piece);
    return undefined;
  });
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces)));
  } catch (cause) {
    throw new ProtocolError('malformed', 'body is not JSON', { cause });
  }
}

/** Reads and drops what is left of a body, within bounds: a sender that is still sending would miss an early answer. */
export async function drainBody(c: Context): Promise<void> {
  const incoming = incomingOf(c);
  if (incoming === undefined || incoming.readableEnded || incoming.destroyed) return;
  await new Promise<void>((resolve) => {
    let drainedBytes = 0;
    const stop = (): void => {
      clearTimeout(timer);
      incoming.off('data', onData).off('end', stop).off('close', stop).off('error', stop);
      incoming.pause();
      resolve();
    };
    const onData = (piece: Uint8Array): void => {
      drainedBytes += piece.length;
      if (drainedBytes > drainBytesMax) stop();
    };
    const timer = setTimeout(stop, drainTimeoutMs);
    incoming.on('data', onData).on('end', stop).on('close', stop).on('error', stop);
    incoming.resume();
  });
}
