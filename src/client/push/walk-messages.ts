// What travels from the walking thread: a batch of what was met, as rows.
import type { ByteText } from '../byte-text.js';
import type { FoundSources, WalkedEntry, WalkItem, WalkProblem } from './walk.js';
import { type RowMemory, readRow, rowBytesOf, rowEnd, rowMemoryOf, writeRow } from './walked-rows.js';

export interface WalkSetup {
  readonly found: Pick<FoundSources, 'sources' | 'leftOut'>;
  /** One word: how many batches the pusher has not taken yet. */
  readonly ahead: Int32Array<SharedArrayBuffer>;
}

export interface WalkBatch {
  /** Of entries, one after the other. */
  readonly rows: Uint8Array<ArrayBuffer>;
  /** Where each entry lies, in one text, with a NUL between them: no path has one. */
  readonly sources: ByteText;
  /** What was met among them and is no entry. */
  readonly problems: readonly WalkProblem[];
}

/** Batches first, then the end; a walk that throws ends with the thread's error. */
export type FromWalker = { readonly type: 'batch'; readonly batch: WalkBatch } | { readonly type: 'end' };

/** The walk may be so many batches ahead: enough that neither waits for the other, a megabyte or two of paths. */
export const batchesAheadMax = 8;
export const batchItemsMax = 512;

export function encodeBatch(items: readonly WalkItem[]): WalkBatch {
  const entries = items.filter((item) => item.kind === 'entry');
  const rows = new Uint8Array(entries.reduce((sum, { path }) => sum + rowBytesOf(path), 0));
  const memory = rowMemoryOf(rows);
  let at = 0;
  for (const entry of entries) at = writeRow(memory, at, entry);
  return {
    rows,
    sources: entries.map(({ source }) => source).join('\0'),
    problems: items.filter((item) => item.kind !== 'entry'),
  };
}

/** The `index`th entry of its batch, whose row begins at `at`. */
export interface WalkedPlace {
  readonly rows: WalkedRows;
  readonly at: number;
  readonly index: number;
}

/** The entries of a batch, which become objects only where somebody asks for them. */
export class WalkedRows {
  readonly memory: RowMemory;
  readonly problems: readonly WalkProblem[];
  readonly #sources: ByteText;
  #sourceOf: ByteText[] | undefined;

  constructor({ rows, sources, problems }: WalkBatch) {
    this.memory = rowMemoryOf(rows);
    this.problems = problems;
    this.#sources = sources;
  }

  /** Where the entries are, in order. */
  *places(): Generator<WalkedPlace> {
    const { memory } = this;
    let index = 0;
    for (let at = 0; at < memory.bytes.length; at = rowEnd(memory, at)) {
      yield { rows: this, at, index };
      index += 1;
    }
  }

  entryAt({ at, index }: Omit<WalkedPlace, 'rows'>): WalkedEntry {
    this.#sourceOf ??= this.#sources.split('\0');
    const { type, path, stat } = readRow(this.memory, at);
    return { kind: 'entry', type, path, source: this.#sourceOf[index] ?? '', stat };
  }
}
