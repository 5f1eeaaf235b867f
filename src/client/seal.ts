// Blobs (docs/format.md, "Blobs"): sealed under a key made from the very bytes that are encrypted, opened only when the
// id fits. Synchronous, for worker threads. The clear part, the frame and then the ciphertext are built in one place of
// memory, the caller's where it has one: short hashes pass as latin1 texts, because a buffer costs more than the hash.
import { ok } from 'node:assert/strict';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { sha256, sha256Key } from '../protocol/blob-id.js';
import {
  type BlobLayout,
  blobMagic,
  gcmTagBytes,
  leafType,
  nodeType,
  parseBlobLayout,
} from '../protocol/blob-layout.js';
import { bytesKey, concatBytes, copyInto, utf8 } from '../protocol/bytes.js';
import { hkdfBlock, hkdfBlockInput } from '../protocol/hkdf-block.js';
import { blobIdBytes, childrenMax, frameBytesMax, rawBytesMax } from '../protocol/limits.js';
import { integrityError } from './errors.js';
import { decodeFrame, type FrameKind, frameKinds, type PlannedFrame, planFrame, writeFrame } from './frame.js';
import { freeBuffer } from './free-buffer.js';
import { labelled } from './hkdf.js';

export const blobKeyBytes = 32;

/** A blob ready to be sent, and what its parent must remember of it. `id` and `key` have 32 bytes. */
export interface SealedBlob {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
  readonly blob: Uint8Array;
  readonly rawLength: number;
}

export interface ChunkRef {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
  readonly rawLength: number;
}

export interface NodeRef {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
}

export type NodeKind = Exclude<FrameKind, typeof frameKinds.data | typeof frameKinds.snapshotRecord>;

/** What a node blob holds. `children` are views into the blob. */
export interface OpenedNode {
  readonly kind: NodeKind;
  readonly raw: Uint8Array;
  readonly children: readonly Uint8Array[];
}

const algorithm = 'aes-256-gcm';
const zeroNonce = new Uint8Array(12);
const cipherPieceBytes = 64 * 1024;
const aadLabel = labelled('jaycloud/1/blob');
const chunkKeyInput = hkdfBlockInput(utf8('jaycloud/1/chunk-key'));

/** A data chunk. `salt` is the dedup domain's. */
export function sealLeaf(salt: Uint8Array, raw: Uint8Array): SealedBlob {
  return sealAlone(salt, leafType, [], planFrame(frameKinds.data, raw));
}

/** A node with the raw ids of its children in the clear. At most `childrenMax` children. */
export function sealNode(
  salt: Uint8Array,
  kind: NodeKind,
  raw: Uint8Array,
  children: readonly Uint8Array[],
): SealedBlob {
  ok(children.length <= childrenMax, 'a node keeps within its children');
  return sealAlone(salt, nodeType, children, planFrame(kind, raw));
}

function sealAlone(salt: Uint8Array, type: number, children: readonly Uint8Array[], plan: PlannedFrame): SealedBlob {
  const clear = clearPart(type, children);
  const blob = Buffer.allocUnsafeSlow(clear.length + plan.frameLength + gcmTagBytes);
  blob.set(clear);
  const key = sealInPlace(salt, blob, clear.length, plan);
  const bytes = new Uint8Array(blob.buffer);
  return { id: sha256(bytes), key: new Uint8Array(key), blob: bytes, rawLength: plan.rawLength };
}

function clearPart(type: number, children: readonly Uint8Array[]): Uint8Array {
  const start = concatBytes(blobMagic, Uint8Array.of(type));
  if (type === leafType) return start;
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, children.length);
  for (const child of children) ok(child.length === blobIdBytes, 'a child is named by 32 bytes');
  return concatBytes(start, count, ...children);
}

const leafClear = clearPart(leafType, []);

/** Length of the blob that a planned frame becomes as a leaf. */
export function leafBytesOf(plan: PlannedFrame): number {
  return leafClear.length + plan.frameLength + gcmTagBytes;
}

/** What `sealLeafInto` leaves its caller to write down, both as `bytesKey` writes 32 bytes. */
export interface SealedLeaf {
  readonly id: string;
  readonly key: string;
}

/** Builds a data chunk's blob over all of `target`, which has `leafBytesOf(plan)` bytes. */
export function sealLeafInto(salt: Uint8Array, plan: PlannedFrame, target: Buffer): SealedLeaf {
  ok(target.length === leafBytesOf(plan), 'a blob fills its place');
  target.set(leafClear);
  const key = sealInPlace(salt, target, leafClear.length, plan);
  return { id: sha256Key(target), key: bytesKey(key) };
}

/** Turns the clear part at the start of `blob` and the frame into a blob; returns its key. */
function sealInPlace(salt: Uint8Array, blob: Buffer, clearBytes: number, plan: PlannedFrame): Uint8Array {
  const frameEnd = clearBytes + plan.frameLength;
  writeFrame(plan, blob, clearBytes);
  const key = hkdfBlock(sha256Key(blob.subarray(0, frameEnd)), salt, chunkKeyInput);
  const cipher = createCipheriv(algorithm, key, zeroNonce);
  cipher.setAAD(aadOf(blob, clearBytes));
  // Piece by piece: what the cipher returns then stays in the processor's cache and never becomes a large allocation.
  for (let at = clearBytes; at < frameEnd; at += cipherPieceBytes) {
    const piece = cipher.update(blob.subarray(at, Math.min(at + cipherPieceBytes, frameEnd)));
    copyInto(blob, piece, at);
    freeBuffer(piece);
  }
  cipher.final();
  blob.set(cipher.getAuthTag(), frameEnd);
  return key;
}

function aadOf(blob: Uint8Array, clearBytes: number): Uint8Array {
  return concatBytes(aadLabel, blob.subarray(0, clearBytes));
}

/** For the frame of a chunk, and behind it for what was compressed in that. */
export const openingBytes = frameBytesMax + rawBytesMax;

/**
 * The chunk, or integrityError for anything that is not exactly what `ref` names. A caller that opens many gives memory of
 * `openingBytes` bytes; the chunk may then lie in it, until the next one is opened.
 */
export function openLeaf(ref: ChunkRef, blob: Uint8Array, memory?: Buffer): Uint8Array {
  const layout = checkedLayout(ref, blob);
  if (layout.type !== 'leaf') throw integrityError('a node stands where a chunk is expected');
  return decodeFrame(
    decrypt(ref, blob, layout, memory),
    frameKinds.data,
    ref.rawLength,
    memory?.subarray(frameBytesMax),
  );
}

/** The node, or integrityError for anything that is not exactly what `ref` names. */
export function openNode(ref: NodeRef, blob: Uint8Array): OpenedNode {
  const layout = checkedLayout(ref, blob);
  if (layout.type !== 'node') throw integrityError('a chunk stands where a node is expected');
  const frame = decrypt(ref, blob, layout);
  const kind = frame[1];
  if (kind !== frameKinds.manifestLeaf && kind !== frameKinds.manifestIndex && kind !== frameKinds.chunkList) {
    throw integrityError('a node of an unknown kind');
  }
  return { kind, raw: decodeFrame(frame, kind), children: layout.children };
}

/** Nothing of a blob is looked at before its hash fits. */
function checkedLayout(ref: NodeRef, blob: Uint8Array): BlobLayout {
  if (sha256Key(blob) !== bytesKey(ref.id)) throw integrityError('a blob is not what its id says');
  try {
    return parseBlobLayout(blob);
  } catch (cause) {
    throw integrityError('a blob has a bad layout', cause);
  }
}

function decrypt(
  ref: NodeRef,
  blob: Uint8Array,
  layout: BlobLayout,
  memory: Buffer = Buffer.allocUnsafeSlow(layout.frameLength),
): Uint8Array {
  if (ref.key.length !== blobKeyBytes) throw integrityError('a blob key has the wrong length');
  const frameEnd = layout.frameOffset + layout.frameLength;
  const decipher = createDecipheriv(algorithm, ref.key, zeroNonce, { authTagLength: gcmTagBytes });
  decipher.setAAD(aadOf(blob, layout.frameOffset));
  decipher.setAuthTag(blob.subarray(frameEnd));
  for (let at = layout.frameOffset; at < frameEnd; at += cipherPieceBytes) {
    const piece = decipher.update(blob.subarray(at, Math.min(at + cipherPieceBytes, frameEnd)));
    memory.set(piece, at - layout.frameOffset);
    freeBuffer(piece);
  }
  try {
    decipher.final();
  } catch (cause) {
    throw integrityError('a blob does not open with its key', cause);
  }
  return new Uint8Array(memory.buffer, memory.byteOffset, layout.frameLength);
}
