// One block of a push cache (docs/architecture.md, "Unchanged files"): the entries of one leaf of the manifest, each as the row that
// the walk met, with its chunks; in front the leaf itself, so that a push that meets the same rows again needs no entry of it.
import type { IndexChild } from '../manifest-nodes.js';
import type { ChunkRef } from '../seal.js';
import { readChunkRefs, refBytes, refFields } from './chunk-refs.js';
import { type RowMemory, rowEnd, rowMemoryOf, rowPath } from './walked-rows.js';

const countBytes = 4;
/** Where the fields in front of the records begin, in bytes. */
const head = { isWhole: 0, entries: 1, sizeBytes: 5, id: 13, key: 45, records: 77 } as const;

export const recordsAt = head.records;

/** A record is a row, the number of its chunks, and their references. */
export function recordTailBytes(chunks: number): number {
  return countBytes + chunks * refBytes;
}

export function writeRecordTail({ bytes, view }: RowMemory, at: number, chunks: readonly ChunkRef[]): number {
  view.setUint32(at, chunks.length);
  let end = at + countBytes;
  for (const { id, key, rawLength } of chunks) {
    bytes.set(id, end + refFields.id);
    bytes.set(key, end + refFields.key);
    view.setUint32(end + refFields.rawLength, rawLength);
    end += refBytes;
  }
  return end;
}

/** `leaf` is undefined where the block does not stand for a leaf as a whole. */
export function writeHead({ bytes, view }: RowMemory, leaf: Omit<IndexChild, 'firstPath'> | undefined): void {
  bytes.fill(0, 0, head.records);
  if (leaf === undefined) return;
  view.setUint8(head.isWhole, 1);
  view.setUint32(head.entries, leaf.entries);
  view.setFloat64(head.sizeBytes, leaf.bytes);
  bytes.set(leaf.ref.id, head.id);
  bytes.set(leaf.ref.key, head.key);
}

export class CachedLeaf {
  readonly memory: RowMemory;

  constructor(plain: Uint8Array) {
    this.memory = rowMemoryOf(plain);
  }

  /** Whether the manifest has exactly these entries in one leaf that ends here whatever follows. */
  get isWhole(): boolean {
    return this.memory.view.getUint8(head.isWhole) === 1;
  }

  /** What an index says of the leaf; only where the block stands for a whole one. */
  get child(): IndexChild {
    const { bytes, view } = this.memory;
    return {
      ref: {
        id: new Uint8Array(bytes.subarray(head.id, head.key)),
        key: new Uint8Array(bytes.subarray(head.key, head.records)),
      },
      firstPath: rowPath(this.memory, recordsAt),
      entries: view.getUint32(head.entries),
      bytes: view.getFloat64(head.sizeBytes),
    };
  }

  get endAt(): number {
    return this.memory.bytes.length;
  }

  chunkCountAt(at: number): number {
    return this.memory.view.getUint32(rowEnd(this.memory, at));
  }

  /** Where the record after the one at `at` begins. */
  nextAt(at: number): number {
    return rowEnd(this.memory, at) + recordTailBytes(this.chunkCountAt(at));
  }

  chunksAt(at: number): ChunkRef[] {
    return readChunkRefs(this.memory.view, rowEnd(this.memory, at) + countBytes, this.chunkCountAt(at));
  }
}
