// Puts entries back into walk order: files finish sealing in any order, the manifest wants them sorted.
import { fromBytesKey } from '../../protocol/bytes.js';
import type { ByteText } from '../byte-text.js';
import type { ManifestEntry } from '../manifest-entry.js';
import type { ChunkRef } from '../seal.js';
import type { OwnerNames } from './owner-names.js';
import { type FileSignature, fileKey, type SourceStat } from './source-stat.js';
import type { WalkedEntry } from './walk.js';

/** The content of one file, however many names it has. */
export interface FileContent {
  readonly chunks: readonly ChunkRef[];
  /** How much was read: where the file changed meanwhile, not what the stat says. */
  readonly sizeBytes: number;
  /** The version that was read; undefined where it is the one that was walked. */
  readonly stat: SourceStat | undefined;
  /** The file changed while it was read: the next push must read it again. */
  readonly changed: boolean;
}

interface HardlinkGroup {
  readonly firstPath: ByteText;
  content: FileContent | undefined;
}

interface Slot {
  readonly walked: WalkedEntry;
  readonly group: HardlinkGroup | undefined;
  readonly linkTarget: ByteText | undefined;
  /** Undefined while a thread reads the file; null where it could not be read. */
  content: FileContent | null | undefined;
}

export interface QueueEvents {
  readonly onEntry: (entry: ManifestEntry, cacheable: FileSignature | undefined) => void;
  /** A further name of a file that could not be read under its first one. */
  readonly onUnreadable: (walked: WalkedEntry) => void;
}

const noChunks: readonly never[] = [];

export class EntryQueue {
  readonly #names: OwnerNames;
  readonly #events: QueueEvents;
  readonly #groups = new Map<string, HardlinkGroup>();
  readonly #reading = new Map<number, Slot>();
  #slots: Slot[] = [];
  #head = 0;
  #nextTicket = 0;

  constructor(names: OwnerNames, events: QueueEvents) {
    this.#names = names;
    this.#events = events;
  }

  /** Entries that wait for a file before them. */
  get length(): number {
    return this.#slots.length - this.#head;
  }

  addDirectory(walked: WalkedEntry): void {
    this.#append({ walked, group: undefined, linkTarget: undefined, content: null });
  }

  addSymlink(walked: WalkedEntry, linkTarget: ByteText): void {
    this.#append({ walked, group: undefined, linkTarget, content: null });
  }

  /** True when the file is a further name of one that was added before: nothing is to be read. */
  addLinkToKnown(walked: WalkedEntry): boolean {
    if (walked.stat.links < 2) return false;
    const group = this.#groups.get(fileKey(walked.stat));
    if (group === undefined) return false;
    this.#append({ walked, group, linkTarget: undefined, content: undefined });
    return true;
  }

  addKnown(walked: WalkedEntry, content: FileContent): void {
    this.#append({ walked, group: this.#newGroup(walked), linkTarget: undefined, content });
  }

  /** Adds a file that a thread is going to read; the ticket is for `settle`. */
  addReading(walked: WalkedEntry): number {
    const slot: Slot = { walked, group: this.#newGroup(walked), linkTarget: undefined, content: undefined };
    const ticket = this.#nextTicket;
    this.#nextTicket += 1;
    this.#reading.set(ticket, slot);
    this.#append(slot);
    return ticket;
  }

  /** Gives a file its content, or null where it could not be read. Returns what was walked. */
  settle(ticket: number, content: FileContent | null): WalkedEntry {
    const slot = this.#reading.get(ticket);
    if (slot === undefined) throw new Error('a file was sealed twice');
    this.#reading.delete(ticket);
    slot.content = content;
    this.#advance();
    return slot.walked;
  }

  #newGroup(walked: WalkedEntry): HardlinkGroup | undefined {
    if (walked.stat.links < 2) return undefined;
    const group: HardlinkGroup = { firstPath: walked.path, content: undefined };
    this.#groups.set(fileKey(walked.stat), group);
    return group;
  }

  #append(slot: Slot): void {
    this.#slots.push(slot);
    if (this.length === 1) this.#advance();
  }

  #advance(): void {
    for (let slot = this.#slots[this.#head]; slot !== undefined; slot = this.#slots[this.#head]) {
      if (slot.walked.type !== 'file') this.#events.onEntry(this.#entryOf(slot, noContent), undefined);
      else if (!this.#emitFile(slot)) return;
      this.#head += 1;
      if (this.#head > 4096 && this.#head * 2 > this.#slots.length) {
        this.#slots = this.#slots.slice(this.#head);
        this.#head = 0;
      }
    }
  }

  /** False while the content is not known yet. */
  #emitFile(slot: Slot): boolean {
    const isLaterName = slot.group !== undefined && slot.group.firstPath !== slot.walked.path;
    if (isLaterName) {
      // The first name stands before this one, so it is settled by now.
      const content = slot.group.content;
      if (content === undefined) this.#events.onUnreadable(slot.walked);
      else this.#events.onEntry(this.#entryOf(slot, content, slot.group.firstPath), undefined);
      return true;
    }
    if (slot.content === undefined) return false;
    if (slot.content === null) return true;
    if (slot.group !== undefined) slot.group.content = slot.content;
    const signature = slot.content.changed ? undefined : (slot.content.stat ?? slot.walked.stat);
    this.#events.onEntry(this.#entryOf(slot, slot.content), signature);
    return true;
  }

  #entryOf(slot: Slot, content: FileContent | typeof noContent, hardlinkTo?: ByteText): ManifestEntry {
    const { walked, linkTarget } = slot;
    // What the thread saw when it opened the file fits the content; the walk looked earlier.
    const stat = content.stat ?? walked.stat;
    return {
      path: fromBytesKey(walked.path),
      type: walked.type,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      user: this.#names.user(stat.uid),
      group: this.#names.group(stat.gid),
      mtimeSeconds: stat.modifiedSeconds,
      mtimeNanoseconds: stat.modifiedNanoseconds,
      size: content.sizeBytes,
      sparse: walked.type === 'file' && stat.sparse,
      chunks: content.chunks,
      chunkLists: noChunks,
      ...(linkTarget === undefined ? {} : { linkTarget: fromBytesKey(linkTarget) }),
      ...(hardlinkTo === undefined ? {} : { hardlinkTo: fromBytesKey(hardlinkTo) }),
    };
  }
}

const noContent = { chunks: noChunks, sizeBytes: 0, stat: undefined } as const;
