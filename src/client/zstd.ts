// Compression (docs/format.md, "Compressed frames"): the build of zstd that this machine has, and the guard in front of it.
// What a hostile author made is measured before anything decodes it.
import { integrityError } from './errors.js';
import type { ZstdCodec } from './zstd-codec.js';
import { loadNativeZstd } from './zstd-native.js';
import { loadPortableZstd } from './zstd-portable.js';

const magic = 0xfd2fb528;
const blockBytesMax = 128 * 1024;
const windowBytesMax = 8 * 1024 * 1024;
/** A compressor that fills its blocks needs one per 128 KiB; one that splits them, still less than one per 8 KiB. */
const rawBytesPerBlockMin = 8 * 1024;
const spareBlocks = 4;

const codec: ZstdCodec = loadNativeZstd() ?? (await loadPortableZstd());

/**
 * One zstd frame at the pinned level, in memory that the next call overwrites. Other versions of zstd may give other bytes:
 * nothing but deduplication depends on it.
 */
export function compress(raw: Uint8Array): Uint8Array {
  return codec.compress(raw);
}

/**
 * Restores exactly `rawLength` bytes, in `memory` where the caller has so much, or throws integrityError. What decodes makes no
 * difference to what comes out.
 */
export function decompress(stored: Uint8Array, rawLength: number, memory?: Uint8Array, by = codec): Uint8Array {
  checkBlocks(stored, rawLength);
  let raw: Uint8Array;
  try {
    raw = by.decompress(stored, rawLength, memory);
  } catch (cause) {
    throw integrityError('compressed data is damaged', cause);
  }
  if (raw.length !== rawLength) throw integrityError('compressed data has another length than its header says');
  return raw;
}

/** Walks the frame (RFC 8878 section 3.1) without decoding: a single frame, no dictionary, a plausible block count. */
function checkBlocks(stored: Uint8Array, rawLength: number): void {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  try {
    const { at, checksum, contentBytes } = readFrameHeader(view);
    if (contentBytes !== undefined && contentBytes !== rawLength) throw integrityError('compressed length is a lie');
    const end = walkBlocks(view, at, rawLength);
    if (end + (checksum ? 4 : 0) !== view.byteLength) throw integrityError('bytes follow the compressed data');
  } catch (cause) {
    if (cause instanceof RangeError) throw integrityError('compressed data is cut short', cause);
    throw cause;
  }
}

function readFrameHeader(view: DataView): { at: number; checksum: boolean; contentBytes: number | undefined } {
  if (view.getUint32(0, true) !== magic) throw integrityError('not zstd data');
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x0b) !== 0) throw integrityError('zstd data with a dictionary or reserved bits');
  let at = 5;
  if (!singleSegment) {
    const window = view.getUint8(at);
    at += 1;
    const base = 2 ** (10 + (window >> 3));
    if (base + (base / 8) * (window & 7) > windowBytesMax) throw integrityError('zstd window is too large');
  }
  const sizeFlag = descriptor >> 6;
  const checksum = (descriptor & 0x04) !== 0;
  if (sizeFlag === 0) {
    if (!singleSegment) return { at, checksum, contentBytes: undefined };
    return { at: at + 1, checksum, contentBytes: view.getUint8(at) };
  }
  if (sizeFlag === 1) return { at: at + 2, checksum, contentBytes: view.getUint16(at, true) + 256 };
  if (sizeFlag === 2) return { at: at + 4, checksum, contentBytes: view.getUint32(at, true) };
  return { at: at + 8, checksum, contentBytes: Number(view.getBigUint64(at, true)) };
}

function walkBlocks(view: DataView, from: number, rawLength: number): number {
  const blocksMax = spareBlocks + Math.ceil(rawLength / rawBytesPerBlockMin);
  let plainBytes = 0;
  let at = from;
  for (let blocks = 1; ; blocks += 1) {
    if (blocks > blocksMax) throw integrityError('compressed data has too many blocks');
    const header = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
    const size = header >> 3;
    const type = (header >> 1) & 3;
    if (type === 3 || size > blockBytesMax) throw integrityError('compressed data has a bad block');
    if (type !== 2) plainBytes += size;
    if (plainBytes > rawLength) throw integrityError('compressed data is longer than its header says');
    at += 3 + (type === 1 ? 1 : size);
    if (at > view.byteLength) throw integrityError('compressed data is cut short');
    if ((header & 1) !== 0) return at;
  }
}
