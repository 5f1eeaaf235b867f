// The rows of one upload, in the caller's transaction (docs/storage.md, "Write order"): the pack is on disk already.
import assert from 'node:assert/strict';
import { splitBlobIds } from '../protocol/blob-id.js';
import { bytesKey } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { findBlobs, findSoundBlobs, insertBlobs, insertLinks, type NewBlob } from './db/blobs.js';
import type { Queries } from './db/connection.js';
import { addOwnerships, type Owner } from './db/ownerships.js';
import { deletePack, insertPack } from './db/packs.js';
import type { ReceivedBlob } from './receive-upload.js';

export interface Upload {
  readonly owner: Owner;
  readonly packId: string;
  readonly packBytes: number;
  readonly blobs: readonly ReceivedBlob[];
  readonly nowMs: number;
}

export interface RecordedUpload {
  /** One letter a blob: `s` stored, `e` existed already. */
  readonly states: string;
  /** False when nothing lies in the pack that a row refers to: its file can go. */
  readonly isPackUsed: boolean;
  /** Blobs that the vault did not own before. */
  readonly newlyOwned: number;
}

/**
 * Records an upload. Throws ProtocolError `children-missing` for a node with a child that the vault does not own and
 * that is not at an earlier place of the same upload, `quota-exceeded` from the ownerships.
 */
export function recordUpload(tx: Queries, upload: Upload): RecordedUpload {
  const { owner, packId, blobs, nowMs } = upload;
  const { vaultNo } = owner;
  if (blobs.length === 0) return { states: '', isPackUsed: false, newlyOwned: 0 };
  const outsideNos = checkChildren(tx, vaultNo, blobs);
  const packNo = insertPack(tx, packId, upload.packBytes, nowMs);
  const storedNos = insertBlobs(tx, packNo, blobs.filter(isInPack));
  const isStored = blobs.map(({ offsetBytes }) => offsetBytes !== undefined && storedNos.has(offsetBytes));
  const blobNos = storedNos.size === blobs.length ? inOrder(blobs, storedNos) : findNumbers(tx, vaultNo, blobs);
  insertUploadLinks(tx, blobs, blobNos, isStored, outsideNos);
  const newlyOwned = addOwnerships(tx, owner, blobNos, nowMs);
  if (storedNos.size === 0) deletePack(tx, packNo);
  const states = isStored.map((stored) => (stored ? 's' : 'e')).join('');
  return { states, isPackUsed: storedNos.size > 0, newlyOwned };
}

/** Of an upload that is new as a whole, which most are: nothing needs to be looked up. */
function inOrder(blobs: readonly ReceivedBlob[], storedNos: ReadonlyMap<number, number>): number[] {
  return blobs.map(({ offsetBytes }) => {
    const blobNo = storedNos.get(offsetBytes ?? -1);
    assert(blobNo !== undefined, 'every blob lies in the pack');
    return blobNo;
  });
}

function findNumbers(tx: Queries, vaultNo: number, blobs: readonly ReceivedBlob[]): number[] {
  const places = findBlobs(tx, vaultNo, Buffer.concat(blobs.map(({ id }) => id)));
  assert.equal(places.length, blobs.length, 'every uploaded blob has a row');
  return places.map(({ blobNo }) => blobNo);
}

function isInPack(blob: ReceivedBlob): blob is ReceivedBlob & NewBlob {
  return blob.offsetBytes !== undefined;
}

/** Returns the numbers of the children that are not part of the upload, by id key. */
function checkChildren(tx: Queries, vaultNo: number, blobs: readonly ReceivedBlob[]): Map<string, number> {
  if (blobs.every(({ children }) => children.length === 0)) return new Map();
  const earlier = new Set<string>();
  const outside = new Map<string, Uint8Array>();
  for (const blob of blobs) {
    for (const child of childIds(blob)) {
      const key = bytesKey(child);
      if (!earlier.has(key)) outside.set(key, child);
    }
    earlier.add(blob.key);
  }
  const keys = [...outside.keys()];
  const numbers = new Map<string, number>();
  for (const { index, blobNo, renewedAt } of findSoundBlobs(tx, vaultNo, Buffer.concat([...outside.values()]))) {
    const key = keys[index];
    if (key !== undefined && renewedAt !== null) numbers.set(key, blobNo);
  }
  if (numbers.size < outside.size) {
    throw new ProtocolError('children-missing', 'a node blob has children that the vault does not own');
  }
  return numbers;
}

/** Links of existing nodes are there already: the same bytes have the same children. */
function insertUploadLinks(
  tx: Queries,
  blobs: readonly ReceivedBlob[],
  blobNos: readonly number[],
  isStored: readonly boolean[],
  outsideNos: ReadonlyMap<string, number>,
): void {
  const parents = blobs.flatMap((blob, index) => {
    const parentNo = blobNos[index];
    return blob.children.length > 0 && isStored[index] === true && parentNo !== undefined ? [{ blob, parentNo }] : [];
  });
  if (parents.length === 0) return;
  const numbers = new Map(outsideNos);
  for (const [index, blobNo] of blobNos.entries()) numbers.set(blobs[index]?.key ?? '', blobNo);
  for (const { blob, parentNo } of parents) {
    const childNos = childIds(blob).map((child) => {
      const childNo = numbers.get(bytesKey(child));
      assert(childNo !== undefined, 'children were checked');
      return childNo;
    });
    insertLinks(tx, parentNo, childNos);
  }
}

function childIds(blob: ReceivedBlob): Uint8Array[] {
  return splitBlobIds(blob.children, Number.POSITIVE_INFINITY);
}
