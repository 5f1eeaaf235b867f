// What the two builds of zstd have in common (docs/decisions/0004-zstd.md).
import { rawBytesMax } from '../protocol/limits.js';

/**
 * A build of libzstd 1.5.7. Every build gives the same bytes for the same content: ZSTD_compressCCtx at `level`, which writes
 * the content's size.
 */
export interface ZstdCodec {
  /** One frame of at most `rawBytesMax` bytes of content. It may lie in memory that the next call overwrites. */
  compress(raw: Uint8Array): Uint8Array;
  /**
   * At most `rawLength` bytes; throws any error where `stored` is damaged or holds more. What `stored` says of its content's
   * size, if anything, is `rawLength`: the caller has compared it. They may lie in `memory`, where there is as much of it.
   */
  decompress(stored: Uint8Array, rawLength: number, memory?: Uint8Array): Uint8Array;
}

/** On source text as fast as level 1 and denser; level 3 is 4 % denser and takes a third more time. */
export const level = 2;

/** ZSTD_compressBound of the longest content. */
export const compressedBytesMax = rawBytesMax + (rawBytesMax >> 8);
