// The content of one file of a snapshot, in order, a few chunks ahead.
import type { DaemonApi } from '../daemon-api.js';
import { ClientError, integrityError } from '../errors.js';
import { createFetchNodes, reportDamage } from '../fetch-nodes.js';
import { decodeChunkList } from '../manifest-decoder.js';
import type { ManifestEntry } from '../manifest-entry.js';
import { readManifest } from '../manifest-reader.js';
import { type ChunkRef, type NodeRef, openLeaf, openNode } from '../seal.js';

const chunksPerRequest = 2;
/** Asked for side by side, so that a far daemon is not waited for after each. */
const requestsAhead = 4;

/** All chunk references of a file; the lists of very long files are fetched as they are needed. */
export async function* readChunkRefs(api: DaemonApi, entry: ManifestEntry): AsyncGenerator<ChunkRef> {
  yield* entry.chunks;
  for (const list of entry.chunkLists) {
    const [blob] = await api.fetchBlobs([list.id]);
    if (blob === undefined) throw integrityError('the daemon does not have all of its content');
    yield* decodeChunkList(openNode(list, blob), list.size);
  }
}

async function* readRuns(api: DaemonApi, entry: ManifestEntry): AsyncGenerator<readonly ChunkRef[]> {
  let run: ChunkRef[] = [];
  for await (const chunk of readChunkRefs(api, entry)) {
    run.push(chunk);
    if (run.length < chunksPerRequest) continue;
    yield run;
    run = [];
  }
  if (run.length > 0) yield run;
}

async function findFile(api: DaemonApi, root: NodeRef, path: Uint8Array): Promise<ManifestEntry> {
  for await (const item of readManifest(root, createFetchNodes(api), { prefix: path })) {
    if ('gap' in item) throw item.gap.cause;
    // The entry itself comes before anything below it.
    if (item.entry.type === 'file') return item.entry;
    throw new ClientError('failed', `'${Buffer.from(path).toString()}' is a ${item.entry.type}, not a file`);
  }
  throw new ClientError('nothing-matched', `the snapshot has no '${Buffer.from(path).toString()}'`);
}

/** Throws ClientError `nothing-matched` for an absent path and `integrity` before yielding anything false. */
export async function* readFileContent(api: DaemonApi, root: NodeRef, path: Uint8Array): AsyncGenerator<Uint8Array> {
  const entry = await findFile(api, root, path);
  const fetchRun = async (run: readonly ChunkRef[]) => {
    const blobs = await api.fetchBlobs(run.map(({ id }) => id));
    const pieces: Uint8Array[] = [];
    for (const [at, chunk] of run.entries()) {
      const blob = blobs[at];
      if (blob === undefined) throw integrityError('the daemon does not have all of its content');
      try {
        pieces.push(openLeaf(chunk, blob));
      } catch (error) {
        await reportDamage(api, chunk.id);
        throw error;
      }
    }
    return pieces;
  };
  const ahead: Promise<Uint8Array[]>[] = [];
  for await (const run of readRuns(api, entry)) {
    const fetched = fetchRun(run);
    // Whoever stops reading early never awaits it.
    fetched.catch(() => undefined);
    ahead.push(fetched);
    if (ahead.length === requestsAhead) yield* (await ahead.shift()) ?? [];
  }
  for (const fetched of ahead) yield* await fetched;
}
