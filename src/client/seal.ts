// Blobs (docs/format.md, "Blobs"): sealed under a key made from the very bytes that are encrypted, opened only when the
// id fits. Synchronous, for worker threads; one buffer holds the clear part, the frame and then the ciphertext.
import { ok } from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { sha256 } from '../protocol/blob-id.js';
import {
  type BlobLayout,
  blobHeaderBytes,
  blobMagic,
  gcmTagBytes,
  leafType,
  nodeType,
  parseBlobLayout,
} from '../protocol/blob-layout.js';
import { concatBytes, equalBytes, utf8 } from '../protocol/bytes.js';
import { blobIdBytes, childrenMax } from '../protocol/limits.js';
import { integrityError } from './errors.js';
import { decodeFrame, type FrameKind, frameKinds, type PlannedFrame, planFrame, writeFrame } from './frame.js';
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
const aadLabel = labelled('jaycloud/1/blob');
/** The only block of HKDF-Expand for 32 bytes: info, then the counter 1. */
const expandInput = concatBytes(utf8('jaycloud/1/chunk-key'), Uint8Array.of(1));

/** A data chunk. `salt` is the dedup domain's. */
export function sealLeaf(salt: Uint8Array, raw: Uint8Array): SealedBlob {
  const plan = planFrame(frameKinds.data, raw);
  const blob = newBlob(leafType, blobHeaderBytes, plan);
  return sealInPlace(salt, blob, blobHeaderBytes, plan);
}

/** A node with the raw ids of its children in the clear. At most `childrenMax` children. */
export function sealNode(
  salt: Uint8Array,
  kind: NodeKind,
  raw: Uint8Array,
  children: readonly Uint8Array[],
): SealedBlob {
  ok(children.length <= childrenMax, 'a node keeps within its children');
  const plan = planFrame(kind, raw);
  const clearBytes = blobHeaderBytes + 4 + children.length * blobIdBytes;
  const blob = newBlob(nodeType, clearBytes, plan);
  blob.writeUInt32BE(children.length, blobHeaderBytes);
  let at = blobHeaderBytes + 4;
  for (const child of children) {
    ok(child.length === blobIdBytes, 'a child is named by 32 bytes');
    blob.set(child, at);
    at += blobIdBytes;
  }
  return sealInPlace(salt, blob, clearBytes, plan);
}

function newBlob(type: number, clearBytes: number, plan: PlannedFrame): Buffer {
  const blob = Buffer.allocUnsafeSlow(clearBytes + plan.frameLength + gcmTagBytes);
  blob.set(blobMagic);
  blob[blobMagic.length] = type;
  return blob;
}

function sealInPlace(salt: Uint8Array, blob: Buffer, clearBytes: number, plan: PlannedFrame): SealedBlob {
  const frameEnd = clearBytes + plan.frameLength;
  writeFrame(plan, blob, clearBytes);
  const key = chunkKey(salt, sha256(blob.subarray(0, frameEnd)));
  const cipher = createCipheriv(algorithm, key, zeroNonce);
  cipher.setAAD(aadOf(blob, clearBytes));
  blob.set(cipher.update(blob.subarray(clearBytes, frameEnd)), clearBytes);
  cipher.final();
  blob.set(cipher.getAuthTag(), frameEnd);
  const bytes = new Uint8Array(blob.buffer);
  return { id: sha256(bytes), key, blob: bytes, rawLength: plan.rawLength };
}

/** HKDF-SHA-256 of 32 bytes as its two HMACs: half the time of the general function, on the hottest path there is. */
function chunkKey(salt: Uint8Array, inputHash: Uint8Array): Uint8Array {
  const pseudorandomKey = createHmac('sha256', salt).update(inputHash).digest();
  return new Uint8Array(createHmac('sha256', pseudorandomKey).update(expandInput).digest());
}

function aadOf(blob: Uint8Array, clearBytes: number): Uint8Array {
  return concatBytes(aadLabel, blob.subarray(0, clearBytes));
}

/** The chunk, or integrityError for anything that is not exactly what `ref` names. */
export function openLeaf(ref: ChunkRef, blob: Uint8Array): Uint8Array {
  const layout = checkedLayout(ref, blob);
  if (layout.type !== 'leaf') throw integrityError('a node stands where a chunk is expected');
  return decodeFrame(decrypt(ref, blob, layout), frameKinds.data, ref.rawLength);
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
  if (!equalBytes(sha256(blob), ref.id)) throw integrityError('a blob is not what its id says');
  try {
    return parseBlobLayout(blob);
  } catch (cause) {
    throw integrityError('a blob has a bad layout', cause);
  }
}

function decrypt(ref: NodeRef, blob: Uint8Array, layout: BlobLayout): Uint8Array {
  if (ref.key.length !== blobKeyBytes) throw integrityError('a blob key has the wrong length');
  const frameEnd = layout.frameOffset + layout.frameLength;
  const decipher = createDecipheriv(algorithm, ref.key, zeroNonce, { authTagLength: gcmTagBytes });
  decipher.setAAD(aadOf(blob, layout.frameOffset));
  decipher.setAuthTag(blob.subarray(frameEnd));
  const frame = decipher.update(blob.subarray(layout.frameOffset, frameEnd));
  try {
    decipher.final();
  } catch (cause) {
    throw integrityError('a blob does not open with its key', cause);
  }
  return new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
}
