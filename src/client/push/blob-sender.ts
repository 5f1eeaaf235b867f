// Gets sealed blobs to the daemon (docs/architecture.md, "The life of a push"): asks which exist, claims those that others
// stored, uploads the rest, several requests at a time. How much waits here is bounded by the slabs of the sealing threads.

import { blobStreamHeaderBytes, encodeBlobRecord, splitBlobRecords } from '../../protocol/blob-stream.js';
import { blobIdBytes } from '../../protocol/limits.js';
import type { DaemonApi } from '../daemon-api.js';
import type { SealedBlob } from '../seal.js';
import { BlobInquiry } from './blob-inquiry.js';
import type { GrantBroker } from './grant-broker.js';
import { RecentIds } from './recent-ids.js';
import { type Span, StoredSpans } from './stored-spans.js';
import { inLanes, nodeWaves, UploadLine } from './upload-line.js';

/** One query or upload carries at most this many blobs: a fraction of a standard grant, so that grants are used up. */
const requestBlobsMax = 2048;
const queriesInFlightMax = 2;
/** Nodes of so few bytes are sent without a question whether they are there: that would take longer. */
const unaskedNodeBytesMax = 64 * 1024;
/** While sealing threads wait for room, requests go out with this much, a quarter of all slabs: with less there would be many. */
const hurriedBytesMin = 8 * 1024 * 1024;
/** Ids known to be owned, kept to spare queries: at least this many, at most twice as many; older ones are asked again. */
const settledIdsMin = 65_536;

/** Records one after the other, and what each held before it was sealed. */
export interface RecordRun {
  readonly bytes: Uint8Array;
  readonly rawLengths: Uint32Array;
  /** Called when none of the bytes is needed any more. */
  readonly giveBack: () => void;
}

interface HeldRun {
  readonly giveBack: () => void;
  readonly span: Span;
  blobs: number;
}

interface HeldBlob {
  readonly record: Uint8Array;
  readonly rawLength: number;
  readonly run: HeldRun;
}

export interface SenderCounts {
  blobs: number;
  newBlobs: number;
  claimedBlobs: number;
  ownedBlobs: number;
  /** Bytes of file content in the blobs that were uploaded. */
  newFileBytes: number;
}

export class BlobSender {
  readonly counts: SenderCounts = { blobs: 0, newBlobs: 0, claimedBlobs: 0, ownedBlobs: 0, newFileBytes: 0 };
  readonly #broker: GrantBroker;
  readonly #inquiry: BlobInquiry;
  readonly #onFailure: (error: Error) => void;
  readonly #settled = new RecentIds(settledIdsMin);
  #toQuery: HeldBlob[] = [];
  #toQueryBytes = 0;
  #toUpload: HeldBlob[] = [];
  #toUploadBytes = 0;
  #queries = 0;
  #uploads = 0;
  #flushing = 0;
  #isAwaited = false;
  #hasAsked = false;
  #failure: Error | undefined;
  #waiting: (() => void)[] = [];
  readonly #spans = new StoredSpans();
  readonly #line: UploadLine;

  /** `onFailure` hears of the first request that fails for good; after it nothing is sent any more. */
  constructor(api: DaemonApi, broker: GrantBroker, vaultId: string, onFailure: (error: Error) => void) {
    this.#broker = broker;
    this.#inquiry = new BlobInquiry(api, broker, vaultId);
    this.#line = new UploadLine(api, broker);
    this.#onFailure = onFailure;
  }

  /**
   * Blobs will come: what asking about them takes is earned while they are sealed. So is what sending them takes, but not near
   * by, where a grant that is not needed after all would cost more than the wait for it.
   */
  expectBlobs(): void {
    this.#broker.prepare('query');
    if (this.#line.isFar) this.#broker.prepare('upload');
  }

  /** Takes over a run of sealed blobs and gives it back when each is stored or known. */
  addRun({ bytes, rawLengths, giveBack }: RecordRun): void {
    const run: HeldRun = { giveBack, span: this.#spans.begin(), blobs: 1 };
    splitBlobRecords(bytes).forEach((record, at) => {
      if (!this.#settled.add(record.subarray(0, blobIdBytes))) return;
      this.counts.blobs += 1;
      run.blobs += 1;
      this.#toQuery.push({ record, rawLength: rawLengths[at] ?? 0, run });
      this.#toQueryBytes += record.length;
    });
    this.#release([{ run }]);
    this.#pump();
  }

  /** While somebody waits for a run to be given back, an idle line does not wait for requests to fill up. */
  setAwaited(isAwaited: boolean): void {
    this.#isAwaited = isAwaited;
    this.#pump();
  }

  /** Resolves when everything added before is stored and owned; waits for full requests, unless `flush` is called. */
  stored(): Promise<void> {
    return this.#spans.close();
  }

  /** Sends everything that waits; resolves when it is stored and owned. */
  async flush(): Promise<void> {
    this.#flushing += 1;
    try {
      for (;;) {
        this.#throwFailure();
        this.#pump();
        const waiting = this.#toQuery.length + this.#toUpload.length;
        if (waiting === 0 && this.#queries === 0 && this.#uploads === 0) return;
        await this.#change();
      }
    } finally {
      this.#flushing -= 1;
    }
  }

  /** Stores node blobs, children before parents: everything they refer to must be owned already. */
  async sendNodes(nodes: readonly SealedBlob[]): Promise<void> {
    this.counts.blobs += nodes.length;
    for (let from = 0; from < nodes.length; from += requestBlobsMax) {
      const missing = await this.#missingNodes(nodes.slice(from, from + requestBlobsMax));
      // One body is stored in order: in it, nodes may follow what they refer to.
      const fitsOneBody = sizeOf(missing) <= this.#line.requestBytes;
      for (const wave of fitsOneBody ? [missing] : nodeWaves(missing)) {
        const groups = [...this.#line.groups(wave.map(encodeBlobRecord))];
        await inLanes(groups, this.#line.lanes, (group) => this.#put(group));
      }
    }
  }

  async #missingNodes(nodes: readonly SealedBlob[]): Promise<readonly SealedBlob[]> {
    // Above content that is new there are nodes that are new.
    if (this.counts.newBlobs > 0 && sizeOf(nodes) <= unaskedNodeBytesMax) return nodes;
    const { states } = await this.#inquiry.query(nodes.map(({ id }) => id));
    const missing = nodes.filter((_node, at) => states[at] !== 'o');
    this.counts.ownedBlobs += nodes.length - missing.length;
    return missing;
  }

  /** Starts every request that is due. */
  #pump(): void {
    if (this.#failure !== undefined) return;
    const isDue = (count: number, bytes: number, bytesMax: number) =>
      count > 0 && (this.#flushing > 0 || isFull(count, bytes, bytesMax) || this.#isHurried(bytes));
    // The very first answer says whether there is anything to upload, and what that costs is then earned beside everything else.
    const isFirst = () => !this.#hasAsked && !this.#line.isFar && this.#toQuery.length > 0;
    while (
      this.#queries < queriesInFlightMax &&
      (isFirst() || isDue(this.#toQuery.length, this.#toQueryBytes, this.#line.queryBytes))
    ) {
      this.#hasAsked = true;
      const asked = this.#toQuery.splice(0, requestBlobsMax);
      this.#toQueryBytes -= bytesOf(asked);
      this.#queries += 1;
      this.#run(this.#settle(asked), () => {
        this.#queries -= 1;
      });
    }
    // While queries are out, a part-filled upload waits for their answers.
    const isLast = this.#queries === 0 && this.#toQuery.length === 0;
    while (this.#toUpload.length > 0 && this.#uploads < this.#line.lanes) {
      const waiting = [this.#toUpload.length, this.#toUploadBytes, this.#line.requestBytes] as const;
      if (!isDue(...waiting) || !(isLast || isFull(...waiting) || this.#isHurried(this.#toUploadBytes))) break;
      const group = this.#takeUpload();
      this.#uploads += 1;
      this.#run(
        this.#put(group.map(({ record }) => record)).then(() => {
          for (const { rawLength } of group) this.counts.newFileBytes += rawLength;
          this.#release(group);
        }),
        () => {
          this.#uploads -= 1;
        },
      );
    }
  }

  /** Whoever waits for room must not wait for a request that does not fill up. */
  #isHurried(bytes: number): boolean {
    return this.#isAwaited && (bytes >= hurriedBytesMin || this.#queries + this.#uploads === 0);
  }

  #takeUpload(): HeldBlob[] {
    // The last requests over a long line end with the longest blob in them: these go while there is still other work beside them.
    if (this.#flushing > 0 && this.#line.isFar) this.#toUpload.sort((a, b) => b.record.length - a.record.length);
    let bytes = 0;
    let count = 0;
    for (const { record } of this.#toUpload) {
      if (count === requestBlobsMax || (count > 0 && bytes + record.length > this.#line.requestBytes)) break;
      bytes += record.length;
      count += 1;
    }
    this.#toUploadBytes -= bytes;
    return this.#toUpload.splice(0, count);
  }

  #run(work: Promise<void>, done: () => void): void {
    work
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
        this.#onFailure(this.#failure);
      })
      .finally(() => {
        done();
        this.#pump();
        this.#notify();
      });
  }

  async #settle(asked: readonly HeldBlob[]): Promise<void> {
    const known = await this.#inquiry.ask(asked);
    this.counts.ownedBlobs += known.owned.length;
    this.#release(known.owned);
    const { claimed, refused } = await this.#inquiry.claim(known);
    this.counts.claimedBlobs += claimed.length;
    this.#release(claimed);
    const missing = [...known.missing, ...refused];
    if (missing.length === 0) return;
    this.#broker.prepare('upload');
    this.#toUpload.push(...missing);
    this.#toUploadBytes += bytesOf(missing);
  }

  async #put(records: readonly Uint8Array[]): Promise<void> {
    const stored = await this.#line.put(records);
    this.counts.newBlobs += stored;
    this.counts.ownedBlobs += records.length - stored;
  }

  #release(blobs: readonly Pick<HeldBlob, 'run'>[]): void {
    for (const { run } of blobs) {
      run.blobs -= 1;
      if (run.blobs > 0) continue;
      run.giveBack();
      this.#spans.end(run.span);
    }
    this.#notify();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const isFull = (count: number, bytes: number, bytesMax: number) => count >= requestBlobsMax || bytes >= bytesMax;

/** Of their records in a body. */
function sizeOf(nodes: readonly SealedBlob[]): number {
  return nodes.reduce((sum, { blob }) => sum + blobStreamHeaderBytes + blob.length, 0);
}

function bytesOf(blobs: readonly HeldBlob[]): number {
  return blobs.reduce((sum, { record }) => sum + record.length, 0);
}
