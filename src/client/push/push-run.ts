// One run of a push: walk, seal what is new, store it, publish the snapshot (docs/architecture.md, "The life of a push").
import { readlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { equalBytes, fromBytesKey } from '../../protocol/bytes.js';
import type { WritableLog } from '../append-log.js';
import { type ByteText, byteTextOf, systemPath } from '../byte-text.js';
import { everyoneSalt } from '../dedup-domain.js';
import { ClientError } from '../errors.js';
import { isFar } from '../line-window.js';
import { createPrivateRules } from '../private-rules.js';
import { loadSuite } from '../sealed-body.js';
import { appendSnapshot } from '../snapshots.js';
import type { Vault } from '../vault.js';
import { BlobSender } from './blob-sender.js';
import { EntryQueue } from './entry-queue.js';
import { EntryRecorder } from './entry-recorder.js';
import { GrantBroker } from './grant-broker.js';
import { LeafMatcher, type Met, type MetEntry } from './leaf-matcher.js';
import { NodeSender } from './node-sender.js';
import { readOwnerNames } from './owner-names.js';
import { type PushCacheReader, PushCacheWriter } from './push-cache.js';
import { openPushCache, pushCachePath, pushDomainOf } from './push-log.js';
import type { PushOptions, PushProblem, PushProgress, PushResult } from './push-options.js';
import type { FailedFile, SealedFile } from './seal-messages.js';
import { SealPool } from './seal-pool.js';
import type { WalkedEntry, WalkProblem } from './walk.js';
import type { WalkThread } from './walk-thread.js';

/** Entries that may wait behind one slow file. */
const queuedEntriesMax = 65_536;
/** Node blobs of what has not changed, kept until it is known whether anything has. */
const nodeBytesMax = 16 * 1024 * 1024;

const [everyoneDomain, vaultDomain] = [0, 1] as const;

export class PushRun {
  readonly #vault: Vault;
  readonly #log: WritableLog;
  readonly #options: PushOptions;
  readonly #sender: BlobSender;
  readonly #pool: SealPool;
  readonly #queue: EntryQueue;
  readonly #recorder: EntryRecorder;
  readonly #cache: PushCacheReader | undefined;
  readonly #cacheWriter: PushCacheWriter;
  readonly #matcher: LeafMatcher;
  readonly #isPrivate: (path: ByteText) => boolean;
  readonly #nodes: NodeSender;
  readonly #progress: PushProgress;
  #reusedChunks = 0;
  #filesRead = 0;
  #problems = 0;

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
    const names = readOwnerNames();
    const domains = [
      { salt: everyoneSalt, chunkerSecret: undefined },
      { salt: dedupSalt, chunkerSecret },
    ];
    this.#pool = new SealPool(domains, isFar(vault.api.roundTripMs), {
      onRun: (run) => {
        this.#sender.addRun(run);
      },
      onPassed: (bytes) => {
        progress.bytes += bytes;
      },
      onWaiting: (isWaiting) => {
        this.#sender.setAwaited(isWaiting);
      },
      onFiles: (files) => {
        this.#settle(files);
      },
    });
    this.#queue = new EntryQueue(names, {
      onEntry: (entry, walked, cacheable) => {
        this.#recorder.addEntry(entry, walked, cacheable);
      },
      onLeaf: (leaf) => {
        this.#recorder.addLeaf(leaf);
      },
      onUnreadable: (walked) => {
        this.#problem('unreadable', walked.source, 'its content could not be read');
      },
    });
    const cachePath = pushCachePath(vault, options);
    this.#cache = options.reread ? undefined : openPushCache(log, cachePath);
    this.#cacheWriter = new PushCacheWriter(cachePath, vault.cacheKey);
    const { origin } = this.#cache ?? {};
    // A leaf has the names of owners, which its rows do not have.
    const takesLeaves = origin !== undefined && equalBytes(origin.ownersHash, names.hash);
    this.#matcher = new LeafMatcher(this.#cache, takesLeaves);
    this.#recorder = new EntryRecorder({
      salt: dedupSalt,
      names,
      cacheWriter: this.#cacheWriter,
      emit: (node) => {
        this.#nodes.add(node);
      },
      linkTarget: (walked) => this.#linkTarget(walked),
    });
  }

  async run(walk: WalkThread): Promise<PushResult> {
    const { found } = this.#options;
    // Needed at the end, and loaded while the threads work.
    loadSuite().catch(() => undefined);
    for (const { path, message } of found.missing) this.#problem('unreadable', byteTextOf(path), message);
    for await (const rows of walk.batches()) {
      for (const problem of rows.problems) this.#leftOut(problem);
      await this.#takeAll(this.#matcher.take(rows));
      await this.#breathe();
    }
    await this.#takeAll(this.#matcher.end());
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

  async #takeAll(met: readonly Met[]): Promise<void> {
    for (const item of met) {
      if ('leaf' in item) {
        const { counts, child } = item.leaf;
        this.#reusedChunks += counts.chunks;
        this.#passed(counts.files, child.bytes);
        this.#queue.addLeaf(item.leaf);
      } else {
        // Most files only join a batch.
        const waiting = this.#take(item);
        if (waiting !== undefined) await waiting;
      }
    }
  }

  #take({ walked, chunks }: MetEntry): Promise<void> | undefined {
    if (walked.type === 'directory') {
      this.#queue.addDirectory(walked);
    } else if (walked.type === 'symlink') {
      const target = this.#linkTarget(walked);
      if (target !== undefined) this.#queue.addSymlink(walked, target);
    } else if (this.#queue.addLinkToKnown(walked)) {
      this.#passed(1, walked.stat.sizeBytes);
    } else {
      if (chunks === undefined) return this.#read(walked);
      const { sizeBytes } = walked.stat;
      this.#passed(1, sizeBytes);
      this.#reusedChunks += chunks.length;
      this.#queue.addKnown(walked, { chunks, sizeBytes, stat: undefined, changed: false });
    }
    return undefined;
  }

  /** Files that need not be read count at once; what is read counts as the threads get through it. */
  #passed(files: number, bytes: number): void {
    this.#progress.files += files;
    this.#progress.bytes += bytes;
  }

  #linkTarget(walked: WalkedEntry): ByteText | undefined {
    try {
      return readlinkSync(systemPath(walked.source), 'latin1');
    } catch (error) {
      this.#problem('unreadable', walked.source, (error as Error).message);
      return undefined;
    }
  }

  #leftOut({ kind, source, message }: WalkProblem): void {
    this.#problem(kind === 'special' ? 'skipped' : 'unreadable', source, message);
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
      this.#progress.files += 1;
      if (file.changed) this.#problem('changed', walked.source, 'changed while it was read');
    }
  }

  #problem(kind: PushProblem['kind'], path: ByteText, message: string): void {
    if (kind !== 'skipped') this.#problems += 1;
    this.#options.onProblem({ kind, path: fromBytesKey(path), message });
  }

  async #publish(): Promise<PushResult> {
    const { counts } = this.#recorder;
    const { files, directories, symlinks } = counts;
    if (files + directories + symlinks === 0) {
      throw new ClientError('failed', 'nothing could be read, so nothing was stored');
    }
    const root = this.#recorder.finish();
    const origin = this.#cache?.origin.root;
    // A live snapshot with this very root owns everything below it.
    if (this.#nodes.hasSent || origin === undefined || !equalBytes(origin.id, root.id)) await this.#nodes.finish();
    const snapshot = await appendSnapshot(this.#log, {
      root,
      name: this.#options.name,
      timeMs: Date.now(),
      host: this.#options.host,
      tags: [...this.#options.tags],
      counts,
      sources: this.#options.found.sources.map(({ path }) => fromBytesKey(path)),
      partial: this.#problems > 0,
    });
    const entryHash = new Uint8Array(Buffer.from(snapshot.id, 'hex'));
    const fault = this.#recorder.commit({ seq: snapshot.seq, entryHash, root });
    if (fault !== undefined) this.#vault.onNote?.(`the next push will read every file: no cache was kept (${fault})`);
    const { blobs, newBlobs, claimedBlobs, ownedBlobs, newFileBytes } = this.#sender.counts;
    return {
      snapshot,
      files,
      bytes: counts.bytes,
      blobs: blobs + this.#reusedChunks,
      newBlobs,
      claimedBlobs,
      ownedBlobs: ownedBlobs + this.#reusedChunks,
      bytesNotSent: Math.max(0, counts.bytes - newFileBytes),
      filesRead: this.#filesRead,
      problems: this.#problems,
    };
  }
}
