// The bytes of one upload: each blob is checked as it completes and goes into a pack (docs/storage.md, "Write order").
import type { Context } from 'hono';
import { sha256 } from '../protocol/blob-id.js';
import { parseBlobLayout } from '../protocol/blob-layout.js';
import { BlobStreamParser, type StreamedBlob } from '../protocol/blob-stream.js';
import { concatBytes, equalBytes } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { uploadBlobsMax, uploadBytesMax } from '../protocol/limits.js';
import type { PackWriter } from './packs/pack-writer.js';
import { readBody } from './request-body.js';

export interface ReceivedBlob {
  readonly id: Uint8Array;
  /** Where the blob starts in the pack; undefined where the same request has it at an earlier place. */
  readonly offsetBytes: number | undefined;
  readonly lengthBytes: number;
  /** A run of child ids; empty for leaves. */
  readonly children: Uint8Array;
}

/** A form of an id that a Map can look up. */
export function idKey(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}

/**
 * Reads the whole body into `pack`. Throws ProtocolError `blob-invalid` for bytes that do not hash to their id or are no
 * blob, `unsupported-version`, `too-large`, `malformed` or `request-timeout`; the caller then aborts the pack.
 */
export async function receiveUpload(c: Context, pack: PackWriter): Promise<ReceivedBlob[]> {
  const parser = new BlobStreamParser();
  const received: ReceivedBlob[] = [];
  const seen = new Set<string>();
  await readBody(c, uploadBytesMax, (piece) => {
    for (const streamed of parser.push(piece)) {
      if (received.length === uploadBlobsMax) {
        throw new ProtocolError('too-large', `at most ${String(uploadBlobsMax)} blobs in one upload`);
      }
      received.push(receiveBlob(streamed, pack, seen));
    }
    return pack.backlog();
  });
  parser.end();
  return received;
}

function receiveBlob({ id, blob }: StreamedBlob, pack: PackWriter, seen: Set<string>): ReceivedBlob {
  if (!equalBytes(sha256(blob), id))
    throw new ProtocolError('blob-invalid', 'a blob does not have the id it came with');
  const { children } = parseBlobLayout(blob);
  const key = idKey(id);
  const isRepeated = seen.has(key);
  seen.add(key);
  const offsetBytes = isRepeated ? undefined : pack.append(id, blob);
  return { id, offsetBytes, lengthBytes: blob.length, children: concatBytes(...children) };
}
