// Puts entries back into walk order: files finish sealing in any order, the manifest wants them sorted.
import type { ByteText } from '../byte-text.js';
import type { ManifestEntry } from '../manifest-entry.js';
import { type EntryContent, entryOf, noContent } from './entry-of.js';
import type { KnownLeaf } from './leaf-matcher.js';
import type { OwnerNames } from './owner-names.js';
import { fileKey, type SourceStat } from './source-stat.js';
import type { WalkedEntry } from './walk.js';

/** The content of one file, however many names it has. What was read counts, where the file changed meanwhile. */
export interface FileContent extends EntryContent {
  /** The file changed while it was read: the next push must read it again. */
  readonly changed: boolean;
}

interface HardlinkGroup {
  readonly firstPath: ByteText;
  content: FileContent | undefined;
}

interface EntrySlot {
  readonly walked: WalkedEntry;
  readonly group: HardlinkGroup | undefined;
  readonly linkTarget: ByteText | undefined;
  /** Undefined while a thread reads the file; null where it could not be read. */
  content: FileContent | null | undefined;
}

type Slot = EntrySlot | { readonly leaf: KnownLeaf };

export interface QueueEvents {
  /** `cacheable` is the version that the entry describes; undefined where the next push must look again. */
  readonly onEntry: (entry: ManifestEntry, walked: WalkedEntry, cacheable: SourceStat | undefined) => void;
  readonly onLeaf: (leaf: KnownLeaf) => void;
  /** A further name of a file that could not be read under its first one. */
  readonly onUnreadable: (walked: WalkedEntry) => void;
}

export class EntryQueue {
  readonly #names: OwnerNames;
  readonly #events: QueueEvents;
  readonly #groups = new Map<string, HardlinkGroup>();
  readonly #reading = new Map<number, EntrySlot>();
  /** Those before the head are done with. */
  #slots: (Slot | undefined)[] = [];
  #head = 0;
  #length = 0;
  #nextTicket = 0;

  constructor(names: OwnerNames, events: QueueEvents) {
    this.#names = names;
    this.#events = events;
  }

  /** Entries that wait for a file before them. */
  get length(): number {
    return this.#length;
  }

  addDirectory(walked: WalkedEntry): void {
    this.#append({ walked, group: undefined, linkTarget: undefined, content: null });
  }

  addSymlink(walked: WalkedEntry, linkTarget: ByteText): void {
    this.#append({ walked, group: undefined, linkTarget, content: null });
  }

  addLeaf(leaf: KnownLeaf): void {
    this.#append({ leaf });
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
    const slot: EntrySlot = { walked, group: this.#newGroup(walked), linkTarget: undefined, content: undefined };
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
    this.#length += entriesIn(slot);
    if (this.#slots.length - this.#head === 1) this.#advance();
  }

  #advance(): void {
    for (let slot = this.#slots[this.#head]; slot !== undefined; slot = this.#slots[this.#head]) {
      if ('leaf' in slot) this.#events.onLeaf(slot.leaf);
      else if (!this.#emit(slot)) return;
      this.#length -= entriesIn(slot);
      // A leaf holds on to the batches of the walk that it was met in.
      this.#slots[this.#head] = undefined;
      this.#head += 1;
      if (this.#head > 4096 && this.#head * 2 > this.#slots.length) {
        this.#slots = this.#slots.slice(this.#head);
        this.#head = 0;
      }
    }
  }

  /** False while the content is not known yet. */
  #emit(slot: EntrySlot): boolean {
    const { walked, group, content, linkTarget: target } = slot;
    if (walked.type !== 'file') {
      this.#events.onEntry(entryOf(this.#names, walked, noContent, { target }), walked, walked.stat);
      return true;
    }
    if (group !== undefined && group.firstPath !== walked.path) {
      // The first name stands before this one, so it is settled by now.
      if (group.content === undefined) this.#events.onUnreadable(walked);
      else {
        const entry = entryOf(this.#names, walked, group.content, { hardlinkTo: group.firstPath });
        this.#events.onEntry(entry, walked, undefined);
      }
      return true;
    }
    if (content === undefined) return false;
    if (content === null) return true;
    if (group !== undefined) group.content = content;
    const cacheable = content.changed ? undefined : (content.stat ?? walked.stat);
    this.#events.onEntry(entryOf(this.#names, walked, content, {}), walked, cacheable);
    return true;
  }
}

function entriesIn(slot: Slot): number {
  return 'leaf' in slot ? slot.leaf.child.entries : 1;
}
