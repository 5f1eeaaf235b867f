// Reads the JSON body of a request, bounded while it arrives (docs/protocol.md, "Encodings").
import type { Context } from 'hono';
import { ProtocolError } from '../protocol/errors.js';

/** Throws ProtocolError `too-large` past `bytesMax`, `malformed` for anything that is not JSON. */
export async function readJson(c: Context, bytesMax: number): Promise<unknown> {
  const body = new Uint8Array(await c.req.arrayBuffer());
  if (body.length > bytesMax) throw new ProtocolError('too-large', 'the body is too long');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch (cause) {
    throw new ProtocolError('malformed', 'the body is not JSON', { cause });
  }
}
