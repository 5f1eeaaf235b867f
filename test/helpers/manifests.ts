// Builds and reads small manifests for tests.
import { expect } from 'vitest';
import { frameKinds } from '../../src/client/frame.js';
import { decodeLeaf } from '../../src/client/manifest-decoder.js';
import { encodeLeaf } from '../../src/client/manifest-encoder.js';
import type { ManifestEntry } from '../../src/client/manifest-entry.js';
import { type FetchNodes, type ManifestItem, readManifest } from '../../src/client/manifest-reader.js';
import { ManifestWriter } from '../../src/client/manifest-writer.js';
import { type ChunkRef, type NodeRef, openNode } from '../../src/client/seal.js';
import { sha256 } from '../../src/protocol/blob-id.js';
import { toHex, utf8 } from '../../src/protocol/bytes.js';

export const salt = new Uint8Array(32).fill(1);

export function chunk(name: string, rawLength: number): ChunkRef {
  return { id: sha256(utf8(name)), key: sha256(utf8(`key of ${name}`)), rawLength };
}

export function directory(path: string): ManifestEntry {
  return { ...file(path, []), type: 'directory', mode: 0o755 };
}

export function file(path: string, chunks: readonly ChunkRef[]): ManifestEntry {
  return {
    path: utf8(path),
    type: 'file',
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    user: 'ann',
    group: 'users',
    mtimeSeconds: 1_700_000_000,
    mtimeNanoseconds: 5,
    size: chunks.reduce((sum, one) => sum + one.rawLength, 0),
    sparse: false,
    chunks,
    chunkLists: [],
  };
}

export interface Written {
  readonly root: NodeRef;
  readonly entries: number;
  readonly bytes: number;
  readonly blobs: Map<string, Uint8Array>;
}

export function write(entries: Iterable<ManifestEntry>): Written {
  const blobs = new Map<string, Uint8Array>();
  const writer = new ManifestWriter({
    salt,
    emit: ({ id, key, blob }) => {
      const { kind, children } = openNode({ id, key }, blob);
      // Children come before parents: the ids of an index are known when it arrives.
      if (kind === frameKinds.manifestIndex) for (const child of children) expect(blobs.has(toHex(child))).toBe(true);
      blobs.set(toHex(id), blob);
    },
  });
  for (const entry of entries) writer.add(entry);
  return { ...writer.finish(), blobs };
}

export function fetchFrom(blobs: ReadonlyMap<string, Uint8Array>, calls: number[] = []): FetchNodes {
  return (refs) => {
    calls.push(refs.length);
    return Promise.resolve(refs.map((ref) => blobs.get(toHex(ref.id))));
  };
}

export async function read(written: Written, prefix?: string, calls: number[] = []): Promise<ManifestItem[]> {
  const options = prefix === undefined ? {} : { prefix: utf8(prefix) };
  const items: ManifestItem[] = [];
  for await (const item of readManifest(written.root, fetchFrom(written.blobs, calls), options)) items.push(item);
  return items;
}

export function entriesOf(items: readonly ManifestItem[]): ManifestEntry[] {
  return items.flatMap((item) => ('entry' in item ? [item.entry] : []));
}

export function pathsOf(items: readonly ManifestItem[]): string[] {
  return entriesOf(items).map((entry) => Buffer.from(entry.path).toString());
}

export function entriesOfLeaf(entries: readonly ManifestEntry[]): ManifestEntry[] {
  return decodeLeaf({ kind: frameKinds.manifestLeaf, ...encodeLeaf(entries) });
}
