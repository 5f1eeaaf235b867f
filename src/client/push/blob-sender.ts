// Gets sealed blobs to the daemon (docs/architecture.md, "The life of a push"): asks which exist, claims those that others
// stored, uploads the rest. Holds a bounded number of bytes and keeps several requests in flight.

import { bytesKey, concatBytes, fromBase64, fromHex, toBase64 } from '../../protocol/bytes.js';
import { blobIdBytes } from '../../protocol/limits.js';
import { possessionProof, possessionSlices } from '../../protocol/possession.js';
import type { DaemonApi } from '../daemon-api.js';
import type { SealedBlob } from '../seal.js';
import type { GrantBroker } from './grant-broker.js';
import type { SealedRun } from './seal-messages.js';

/** One query or upload carries at most this many blobs: a quarter of a standard grant, so that grants are used up. */
const requestBlobsMax = 1024;
const requestBytes = 16 * 1024 * 1024;
/** Blob bytes waiting here before `room` makes the sealing threads wait. */
const heldBytesMax = 64 * 1024 * 1024;
const queriesInFlightMax = 2;
const uploadsInFlightMax = 6;
/** Ids known to be owned, kept to spare queries; beyond this the oldest are asked again. */
const settledIdsMax = 65_536;

interface HeldBlob {
  readonly id: Uint8Array;
  readonly blob: Uint8Array;
  readonly rawLength: number;
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
  readonly #api: DaemonApi;
  readonly #broker: GrantBroker;
  readonly #vaultId: Uint8Array;
  readonly #settled = new Set<string>();
  #toQuery: HeldBlob[] = [];
  #toQueryBytes = 0;
  #toUpload: HeldBlob[] = [];
  #toUploadBytes = 0;
  #heldBytes = 0;
  #queries = 0;
  #uploads = 0;
  #flushing = 0;
  #failure: Error | undefined;
  #waiting: (() => void)[] = [];

  constructor(api: DaemonApi, broker: GrantBroker, vaultId: string) {
    this.#api = api;
    this.#broker = broker;
    this.#vaultId = fromHex(vaultId);
  }

  /** Takes over a run of sealed blobs; resolves when there is room for more. Rejects with the first fault of any request. */
  async addRun(run: SealedRun): Promise<void> {
    let offset = 0;
    run.lengths.forEach((length, at) => {
      this.#add({
        id: run.ids.subarray(at * blobIdBytes, (at + 1) * blobIdBytes),
        blob: run.bytes.subarray(offset, offset + length),
        rawLength: run.rawLengths[at] ?? 0,
      });
      offset += length;
    });
    this.#pump();
    while (this.#heldBytes > heldBytesMax) await this.#change();
    this.#throwFailure();
  }

  /** Resolves when everything added so far is stored and owned. */
  async flush(): Promise<void> {
    this.#flushing += 1;
    try {
      for (;;) {
        this.#throwFailure();
        this.#pump();
        if (this.#heldBytes === 0 && this.#queries === 0 && this.#uploads === 0) return;
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
      const asked = nodes.slice(from, from + requestBlobsMax);
      const { states } = await this.#query(asked);
      const missing = asked.filter((_node, at) => states[at] !== 'o');
      this.counts.ownedBlobs += asked.length - missing.length;
      let group: SealedBlob[] = [];
      let groupBytes = 0;
      for (const node of missing) {
        if (groupBytes + node.blob.length > requestBytes && group.length > 0) {
          await this.#put(group);
          group = [];
          groupBytes = 0;
        }
        group.push(node);
        groupBytes += node.blob.length;
      }
      if (group.length > 0) await this.#put(group);
    }
  }

  #add(blob: HeldBlob): void {
    const key = bytesKey(blob.id);
    if (this.#settled.has(key)) return;
    this.#remember(key);
    this.counts.blobs += 1;
    this.#heldBytes += blob.blob.length;
    this.#toQuery.push(blob);
    this.#toQueryBytes += blob.blob.length;
  }

  #remember(key: string): void {
    this.#settled.add(key);
    if (this.#settled.size <= settledIdsMax) return;
    const [oldest] = this.#settled;
    if (oldest !== undefined) this.#settled.delete(oldest);
  }

  /** Starts every request that is due. */
  #pump(): void {
    if (this.#failure !== undefined) return;
    const isDue = (count: number, bytes: number) =>
      count > 0 && (this.#flushing > 0 || count >= requestBlobsMax || bytes >= requestBytes);
    while (this.#queries < queriesInFlightMax && isDue(this.#toQuery.length, this.#toQueryBytes)) {
      const asked = this.#toQuery.splice(0, requestBlobsMax);
      this.#toQueryBytes -= bytesOf(asked);
      this.#queries += 1;
      this.#run(this.#settle(asked), () => {
        this.#queries -= 1;
      });
    }
    // While queries are out, a part-filled upload waits for their answers.
    const isLast = this.#queries === 0 && this.#toQuery.length === 0;
    while (
      this.#uploads < uploadsInFlightMax &&
      isDue(this.#toUpload.length, this.#toUploadBytes) &&
      (isLast || this.#toUpload.length >= requestBlobsMax || this.#toUploadBytes >= requestBytes)
    ) {
      const group = this.#takeUpload();
      this.#uploads += 1;
      this.#run(
        this.#put(group).then(() => {
          for (const { rawLength } of group) this.counts.newFileBytes += rawLength;
          this.#release(group);
        }),
        () => {
          this.#uploads -= 1;
        },
      );
    }
  }

  #takeUpload(): HeldBlob[] {
    let bytes = 0;
    let count = 0;
    for (const { blob } of this.#toUpload) {
      if (count === requestBlobsMax || (count > 0 && bytes + blob.length > requestBytes)) break;
      bytes += blob.length;
      count += 1;
    }
    this.#toUploadBytes -= bytes;
    return this.#toUpload.splice(0, count);
  }

  #run(work: Promise<void>, done: () => void): void {
    work
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
        this.#heldBytes = 0;
      })
      .finally(() => {
        done();
        this.#pump();
        this.#notify();
      });
  }

  async #settle(asked: readonly HeldBlob[]): Promise<void> {
    const answer = await this.#query(asked);
    const claimable = asked.filter((_blob, at) => answer.states[at] === 'c');
    const missing = asked.filter((_blob, at) => answer.states[at] === 'm');
    const owned = asked.filter((_blob, at) => answer.states[at] === 'o');
    this.counts.ownedBlobs += owned.length;
    this.#release(owned);
    if (claimable.length > 0) missing.push(...(await this.#claim(claimable, answer.nonce)));
    this.#toUpload.push(...missing);
    this.#toUploadBytes += bytesOf(missing);
  }

  /** Returns the blobs that the daemon wants to see whole after all. */
  async #claim(claimable: readonly HeldBlob[], nonceText: string): Promise<HeldBlob[]> {
    const nonce = fromBase64(nonceText);
    const proofs = claimable.map(({ id, blob }) => {
      const slices = possessionSlices(nonce, id, blob.length);
      const bytes = slices.map(({ offset, length }) => blob.subarray(offset, offset + length));
      return concatBytes(id, possessionProof(nonce, this.#vaultId, id, concatBytes(...bytes)));
    });
    const request = { nonce: nonceText, proofs: toBase64(concatBytes(...proofs)) };
    const { states } = await this.#api.claimBlobs(request, claimable.length);
    const claimed = claimable.filter((_blob, at) => states[at] === 'o');
    this.counts.claimedBlobs += claimed.length;
    this.#release(claimed);
    return claimable.filter((_blob, at) => states[at] !== 'o');
  }

  #query(blobs: readonly { readonly id: Uint8Array }[]) {
    const ids = blobs.map(({ id }) => id);
    return this.#broker.spend('query', { bytes: 0, blobs: 0, ids: ids.length }, (grant) =>
      this.#api.queryBlobs(grant, ids),
    );
  }

  async #put(blobs: readonly (HeldBlob | SealedBlob)[]): Promise<void> {
    const cost = { bytes: bytesOf(blobs), blobs: blobs.length, ids: 0 };
    const { states } = await this.#broker.spend('upload', cost, (grant) => this.#api.putBlobs(grant, blobs));
    const stored = states.replaceAll('e', '').length;
    this.counts.newBlobs += stored;
    this.counts.ownedBlobs += blobs.length - stored;
  }

  #release(blobs: readonly HeldBlob[]): void {
    this.#heldBytes -= bytesOf(blobs);
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

function bytesOf(blobs: readonly { readonly blob: Uint8Array }[]): number {
  return blobs.reduce((sum, { blob }) => sum + blob.length, 0);
}
