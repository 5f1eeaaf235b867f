// Uploads of a push on a line of unknown speed and length: each pays with a grant, and how each fares decides how large the next
// ones are and how many go side by side.
import { parseBlobLayout } from '../../protocol/blob-layout.js';
import { blobStreamHeaderBytes } from '../../protocol/blob-stream.js';
import { bytesKey } from '../../protocol/bytes.js';
import type { DaemonApi } from '../daemon-api.js';
import { isFar, LineWindow } from '../line-window.js';
import type { SealedBlob } from '../seal.js';
import type { GrantBroker } from './grant-broker.js';

/** Of one request. */
const uploadBytesMax = 16 * 1024 * 1024;
const inFlightBytesMax = 6 * uploadBytesMax;
/** Of the blobs that one query is about, over a long line: there they are needed for many small uploads, and must not wait for more. */
const farQueryBytes = 4 * 1024 * 1024;

export class UploadLine {
  readonly #api: DaemonApi;
  readonly #broker: GrantBroker;
  #lazyWindow: LineWindow | undefined;

  constructor(api: DaemonApi, broker: GrantBroker) {
    this.#api = api;
    this.#broker = broker;
  }

  /** What one upload should carry at most; a record that is longer goes alone. */
  get requestBytes(): number {
    return this.#window.requestBytes;
  }

  /** Uploads that may be under way at once. */
  get lanes(): number {
    return this.#window.lanes;
  }

  get isFar(): boolean {
    return isFar(this.#api.roundTripMs);
  }

  /** Bytes of blobs that are worth a query. */
  get queryBytes(): number {
    return this.isFar ? farQueryBytes : uploadBytesMax;
  }

  /** Resolves when the daemon has the records on disk, to how many of them were new to it. */
  async put(records: readonly Uint8Array[]): Promise<number> {
    const bytes = records.reduce((sum, record) => sum + record.length - blobStreamHeaderBytes, 0);
    const cost = { bytes, blobs: records.length, ids: 0 };
    const window = this.#window;
    const { states } = await this.#broker.spend('upload', cost, async (grant) => {
      const startedMs = performance.now();
      const answer = await this.#api.putBlobs(grant, records, (sent) => {
        window.moved(sent);
      });
      window.done(bytes, performance.now() - startedMs, this.#api.retries);
      return answer;
    });
    return states.replaceAll('e', '').length;
  }

  /** Records in order, in groups that suit one upload each. */
  *groups(records: Iterable<Uint8Array>): Generator<Uint8Array[]> {
    let group: Uint8Array[] = [];
    let bytes = 0;
    for (const record of records) {
      if (group.length > 0 && bytes + record.length > this.requestBytes) {
        yield group;
        group = [];
        bytes = 0;
      }
      group.push(record);
      bytes += record.length;
    }
    if (group.length > 0) yield group;
  }

  /** Made when the first answers have told how far the daemon is. */
  get #window(): LineWindow {
    this.#lazyWindow ??= new LineWindow(() => this.#api.roundTripMs, {
      requestBytesMax: uploadBytesMax,
      inFlightBytesMax,
    });
    return this.#lazyWindow;
  }
}

/** Nodes in order, cut before each that refers to one of the same wave: all of a wave may travel side by side. */
export function* nodeWaves(nodes: readonly SealedBlob[]): Generator<SealedBlob[]> {
  let wave: SealedBlob[] = [];
  let keys = new Set<string>();
  for (const node of nodes) {
    const { children } = parseBlobLayout(node.blob, node.blob.length);
    if (children.some((child) => keys.has(bytesKey(child)))) {
      yield wave;
      wave = [];
      keys = new Set();
    }
    wave.push(node);
    keys.add(bytesKey(node.id));
  }
  if (wave.length > 0) yield wave;
}

/** Does the work for each, at most so many side by side; when it ends, with the first fault if there was any, nothing is under way. */
export async function inLanes<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const lane = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(lanes, items.length) }, lane));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
