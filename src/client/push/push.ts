// One push: walk, seal what is new, store it, publish the snapshot (docs/architecture.md, "The life of a push").
import { readlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { equalBytes, fromBytesKey } from '../../protocol/bytes.js';
import { ProtocolError } from '../../protocol/errors.js';
import type { WritableLog } from '../append-log.js';
import { type ByteText, byteTextOf, systemPath } from '../byte-text.js';
import { everyoneSalt } from '../dedup-domain.js';
import { ClientError, integrityError } from '../errors.js';
import { isFar } from '../line-window.js';
import type { ManifestEntry } from '../manifest-entry.js';
import { ManifestWriter } from '../manifest-writer.js';
import { createPrivateRules } from '../private-rules.js';
import { loadSuite } from '../sealed-body.js';
import { appendSnapshot } from '../snapshots.js';
import { keepHeapsSmall } from '../thread-memory.js';
import type { Vault } from '../vault.js';
import { BlobSender } from './blob-sender.js';
import { EntryQueue } from './entry-queue.js';
import { GrantBroker } from './grant-broker.js';
import { NodeSender } from './node-sender.js';
import { readOwnerNames } from './owner-names.js';
import { type CachedFile, type PushCacheReader, PushCacheWriter } from './push-cache.js';
import { openPushCache, openPushLog, pushCachePath, pushDomainOf } from './push-log.js';
import { onceEach, type PushOptions, type PushProblem, type PushProgress, type PushResult } from './push-options.js';
import type { FailedFile, SealedFile } from './seal-messages.js';
import { SealPool } from './seal-pool.js';
import { type FileSignature, isSameVersion } from './source-stat.js';
import type { WalkedEntry, WalkItem } from './walk.js';
import { WalkThread } from './walk-thread.js';

/** Entries that may wait behind one slow file. */
const queuedEntriesMax = 65_536;
/** Node blobs of what has not changed, kept until it is known whether anything has. */
const nodeBytesMax = 16 * 1024 * 1024;

const [everyoneDomain, vaultDomain] = [0, 1] as const;

/** Pushes the sources into the vault; throws ClientError or ProtocolError, and then nothing is published. */
export async function push(vault: Vault, options: PushOptions, progress: PushProgress): Promise<PushResult> {
  keepHeapsSmall();
  const told = { ...options, onProblem: onceEach(options.onProblem) };
  // It begins while the log is read.
  let walk = new WalkThread(options.found);
  try {
    const log = await openPushLog(vault);
    for (let { reread } = options; ; reread = true) {
      try {
        return await runOnce(vault, log, { ...told, reread }, progress, walk);
      } catch (error) {
        if (!isContentMissing(error)) throw error;
        // Where everything was asked for, a daemon that lacks something contradicts itself.
        if (reread) throw integrityError('the daemon does not have what it said it has: no snapshot was made', error);
      }
      // The daemon has found something damaged that unchanged files refer to: reading them again stores it again.
      Object.assign(progress, { files: 0, bytes: 0 });
      await walk.close();
      walk = new WalkThread(options.found);
    }
  } finally {
    await walk.close();
  }
}

function isContentMissing(error: unknown): boolean {
  return error instanceof ProtocolError && (error.code === 'children-missing' || error.code === 'root-missing');
}

async function runOnce(
  vault: Vault,
  log: WritableLog,
  options: PushOptions,
  progress: PushProgress,
  walk: WalkThread,
): Promise<PushResult> {
  const run = new PushRun(vault, log, options, progress);
  try {
    return await run.run(walk);
  } finally {
    await run.close();
  }
}

class PushRun {
  readonly #vault: Vault;
  readonly #log: WritableLog;
  readonly #options: PushOptions;
  readonly #progress: PushProgress;
  readonly #sender: BlobSender;
  readonly #pool: SealPool;
  readonly #queue: EntryQueue;
  readonly #manifest: ManifestWriter;
  readonly #cache: PushCacheReader | undefined;
  readonly #cacheWriter: PushCacheWriter;
  readonly #isPrivate: (path: ByteText) => boolean;
  readonly #nodes: NodeSender;
  #reusedChunks = 0;
  #filesRead = 0;
  #problems = 0;
  readonly #counts = { files: 0, directories: 0, symlinks: 0, bytes: 0 };

  constructor(vault: Vault, log: WritableLog, options: PushOptions, progress: PushProgress) {
    this.#vault = vault;
    this.#log = log;
    this.#options = options;
    this.#progress = progress;
    this.#isPrivate = createPrivateRules([...options.privatePatterns]);
    const broker = new GrantBroker(vault.api, options.solver);
    this.#sender = new BlobSender(vault.api, broker, vault.vaultId, (error) => {
      this.#pool.fail(error);
    });
    this.#nodes = new NodeSender(this.#sender);
    const { dedupSalt, chunkerSecret } = pushDomainOf(vault);
    const domains = [
      { salt: everyoneSalt, chunkerSecret: undefined },
      { salt: dedupSalt, chunkerSecret },
    ];
    this.#pool = new SealPool(domains, isFar(vault.api.roundTripMs), {
      onRun: (run) => {
        this.#sender.addRun(run);
      },
      onWaiting: (isWaiting) => {
        this.#sender.setAwaited(isWaiting);
      },
      onFiles: (files) => {
        this.#settle(files);
      },
    });
    this.#queue = new EntryQueue(readOwnerNames(), {
      onEntry: (entry, signature) => {
        this.#addEntry(entry, signature);
      },
      onUnreadable: (walked) => {
        this.#problem('unreadable', walked.source, 'its content could not be read');
      },
    });
    this.#manifest = new ManifestWriter({
      salt: dedupSalt,
      emit: (node) => {
        this.#nodes.add(node);
      },
    });
    const cachePath = pushCachePath(vault, options);
    this.#cache = options.reread ? undefined : openPushCache(log, cachePath);
    this.#cacheWriter = new PushCacheWriter(cachePath, vault.cacheKey);
  }

  async run(walk: WalkThread): Promise<PushResult> {
    const { found } = this.#options;
    // Needed at the end, and loaded while the threads work.
    loadSuite().catch(() => undefined);
    for (const { path, message } of found.missing) this.#problem('unreadable', byteTextOf(path), message);
    for await (const batch of walk.batches()) {
      for (const item of batch) {
        const waiting = this.#take(item);
        if (waiting !== undefined) await waiting;
      }
      await this.#breathe();
    }
    await this.#pool.drain();
    await this.#sender.flush();
    if (this.#queue.length > 0) throw new Error('a file was lost between its thread and the manifest');
    return this.#publish();
  }

  async close(): Promise<void> {
    this.#cache?.close();
    this.#cacheWriter.discard();
    await this.#pool.close();
  }

  /** Returns a promise only where it must be waited for: most files only join a batch. */
  #take(item: WalkItem): Promise<void> | undefined {
    if (item.kind === 'entry') return this.#visit(item);
    this.#problem(item.kind === 'special' ? 'skipped' : 'unreadable', item.source, item.message);
    return undefined;
  }

  #visit(walked: WalkedEntry): Promise<void> | undefined {
    if (walked.type === 'directory') {
      this.#queue.addDirectory(walked);
    } else if (walked.type === 'symlink') {
      try {
        this.#queue.addSymlink(walked, readlinkSync(systemPath(walked.source), 'latin1'));
      } catch (error) {
        this.#problem('unreadable', walked.source, (error as Error).message);
      }
    } else if (!this.#queue.addLinkToKnown(walked)) {
      const cached = this.#cache?.find(walked.path);
      if (cached !== undefined && isSameVersion(cached.signature, walked.stat)) {
        this.#reuse(walked, cached);
      } else {
        return this.#read(walked);
      }
    }
    return undefined;
  }

  #reuse(walked: WalkedEntry, cached: CachedFile): void {
    this.#reusedChunks += cached.chunks.length;
    this.#queue.addKnown(walked, {
      chunks: cached.chunks,
      sizeBytes: walked.stat.sizeBytes,
      stat: undefined,
      changed: false,
    });
  }

  #read(walked: WalkedEntry): Promise<void> | undefined {
    const isVaultOnly = this.#options.dedup === 'vault' || this.#isPrivate(walked.path);
    const ticket = this.#queue.addReading(walked);
    if (this.#filesRead === 0) this.#sender.expectBlobs();
    this.#filesRead += 1;
    const domain = isVaultOnly ? vaultDomain : everyoneDomain;
    return this.#pool.add({ ticket, source: walked.source, domain, stat: walked.stat });
  }

  /** Lets answers and finished files in, and waits where too much is under way. */
  async #breathe(): Promise<void> {
    await nextTurn();
    this.#options.signal.throwIfAborted();
    this.#pool.offer();
    if (this.#queue.length > queuedEntriesMax) await this.#pool.drain();
    this.#nodes.sendAhead();
    if (this.#nodes.waitingBytes > nodeBytesMax) {
      await this.#pool.drain();
      await this.#sender.flush();
      await this.#nodes.finish();
    }
  }

  #settle(files: readonly (SealedFile | FailedFile)[]): void {
    for (const file of files) {
      if ('message' in file) {
        const walked = this.#queue.settle(file.ticket, null);
        this.#problem('unreadable', walked.source, file.message);
        continue;
      }
      const walked = this.#queue.settle(file.ticket, file);
      if (file.changed) this.#problem('changed', walked.source, 'changed while it was read');
    }
  }

  #addEntry(entry: ManifestEntry, signature: FileSignature | undefined): void {
    this.#manifest.add(entry);
    if (entry.type === 'directory') this.#counts.directories += 1;
    else if (entry.type === 'symlink') this.#counts.symlinks += 1;
    else {
      this.#counts.files += 1;
      this.#counts.bytes += entry.size;
      this.#progress.files += 1;
      this.#progress.bytes += entry.size;
      if (signature !== undefined) this.#cacheWriter.add(entry.path, { signature, chunks: entry.chunks });
    }
  }

  #problem(kind: PushProblem['kind'], path: ByteText, message: string): void {
    if (kind !== 'skipped') this.#problems += 1;
    this.#options.onProblem({ kind, path: fromBytesKey(path), message });
  }

  async #publish(): Promise<PushResult> {
    const { files, directories, symlinks } = this.#counts;
    if (files + directories + symlinks === 0) {
      throw new ClientError('failed', 'nothing could be read, so nothing was stored');
    }
    const { root } = this.#manifest.finish();
    const origin = this.#cache?.origin.root;
    // A live snapshot with this very root owns everything below it.
    if (this.#nodes.hasSent || origin === undefined || !equalBytes(origin.id, root.id)) await this.#nodes.finish();
    const snapshot = await appendSnapshot(this.#log, {
      root,
      name: this.#options.name,
      timeMs: Date.now(),
      host: this.#options.host,
      tags: [...this.#options.tags],
      counts: this.#counts,
      sources: this.#options.found.sources.map(({ path }) => fromBytesKey(path)),
      partial: this.#problems > 0,
    });
    const entryHash = new Uint8Array(Buffer.from(snapshot.id, 'hex'));
    this.#cacheWriter.commit({ seq: snapshot.seq, entryHash, root });
    const { fault } = this.#cacheWriter;
    if (fault !== undefined) this.#vault.onNote?.(`the next push will read every file: no cache was kept (${fault})`);
    const { blobs, newBlobs, claimedBlobs, ownedBlobs, newFileBytes } = this.#sender.counts;
    return {
      snapshot,
      files,
      bytes: this.#counts.bytes,
      blobs: blobs + this.#reusedChunks,
      newBlobs,
      claimedBlobs,
      ownedBlobs: ownedBlobs + this.#reusedChunks,
      bytesNotSent: Math.max(0, this.#counts.bytes - newFileBytes),
      filesRead: this.#filesRead,
      problems: this.#problems,
    };
  }
}
