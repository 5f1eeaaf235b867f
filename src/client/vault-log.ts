// The vault log as this machine sees it (docs/format.md, "Vault log"): every entry is checked before anything of it is
// used, and the log must extend the head that was seen last.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../protocol/blob-id.js';
import { equalBytes, fromBase64, toHex } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { decodeLogEntry, hashLogEntry, isLogEntrySigned, type LogEntry } from '../protocol/log-entry.js';
import type { ReadLogResponse } from '../protocol/messages.js';
import { ClientError } from './errors.js';
import { type LogAuthor, LogState } from './log-state.js';
import { makeFolders } from './make-folders.js';
import { openCacheBlock, sealCacheBlock } from './sealed-cache.js';
import { type LogHead, noHead, readSeenHead, rolledBack, writeSeenHead } from './seen-head.js';
import type { Vault } from './vault.js';

/** An entry as the daemon gave it. */
export type WireEntry = ReadLogResponse['entries'][number];

/** An entry that has been checked. */
export interface LogLine {
  readonly wire: WireEntry;
  readonly entry: LogEntry;
  /** 32 bytes: what names this entry and chains the next one. */
  readonly hash: Uint8Array;
  /** Whoever wrote it; undefined for the identity itself. */
  readonly author: LogAuthor | undefined;
  /** Which of the vault's keys its body is sealed to. */
  readonly epoch: number;
}

const cachePurpose = 'jaycloud/1/log-cache/2';
const cachePath = (vault: Vault) => join(vault.cacheDir, 'log');

const suspicion =
  "the daemon may be lying or damaged: do not push, compare 'jaycloud log' on another machine and ask the operator";

function refused(seq: number, reason: string, cause?: unknown): ClientError {
  return new ClientError('integrity', `entry ${String(seq)} of the vault log ${reason}`, suspicion, { cause });
}

function decodeWire(wire: WireEntry, seq: number) {
  try {
    const entryBytes = fromBase64(wire.entry);
    const body = wire.body === null ? null : fromBase64(wire.body);
    return { entryBytes, signature: fromBase64(wire.signature), body, entry: decodeLogEntry(entryBytes) };
  } catch (cause) {
    throw refused(seq, 'cannot be read', cause);
  }
}

/** Checks form, place, signature and body of one entry against the one before it; throws ClientError `integrity`. */
function checkEntry(vault: Vault, wire: WireEntry, previous: LogHead): Pick<LogLine, 'entry' | 'hash'> {
  const seq = previous.seq + 1;
  const { entryBytes, signature, body, entry } = decodeWire(wire, seq);
  if (toHex(entry.vaultId) !== vault.vaultId) throw refused(seq, 'belongs to another vault');
  if (entry.seq !== seq || !equalBytes(entry.previousHash, previous.hash)) {
    throw refused(seq, 'does not follow the one before it');
  }
  if (!isLogEntrySigned(entry.author, entryBytes, signature)) throw refused(seq, 'has a wrong signature');
  if (body === null) {
    if (!mayBeWithheld(vault, entry)) throw refused(seq, 'is withheld in part');
  } else if (!equalBytes(entry.bodyHash, sha256(body))) throw refused(seq, 'has another body');
  return { entry, hash: hashLogEntry(entryBytes, signature) };
}

/** Only a token that is kept to a prefix goes without the bodies of other names, and of certificates. */
function mayBeWithheld({ names }: Vault, { change }: LogEntry): boolean {
  if (names.prefix === '') return false;
  return change.op === 'push' ? !names.covers(change.namePath) : change.op === 'certify';
}

export class VaultLog {
  readonly vault: Vault;
  readonly lines: LogLine[] = [];
  #state = new LogState();

  private constructor(vault: Vault) {
    this.vault = vault;
  }

  /** Reads what is new, checks it and remembers the head; throws ClientError `integrity` for a log that was tampered with. */
  static async read(vault: Vault): Promise<VaultLog> {
    const log = new VaultLog(vault);
    log.#loadCache();
    await log.refresh();
    return log;
  }

  get head(): LogHead {
    const last = this.lines.at(-1);
    return last === undefined ? noHead : { seq: last.entry.seq, hash: last.hash };
  }

  /** True for a push that nobody has deleted. */
  isLive(seq: number): boolean {
    return this.#state.isLive(seq);
  }

  /** True while what was stored for this entry is still held. */
  vouchesFor(seq: number, hash: Uint8Array): boolean {
    const line = this.lines[seq - 1];
    return line !== undefined && this.isLive(seq) && equalBytes(line.hash, hash);
  }

  findAuthor(publicKey: Uint8Array): LogAuthor | undefined {
    return this.#state.findAuthor(publicKey);
  }

  /** Sessions and tokens whose certificates hold. */
  authors(): LogAuthor[] {
    return this.#state.authors();
  }

  async refresh(): Promise<void> {
    const cached = this.lines.length;
    const seen = readSeenHead(this.vault);
    // The last known entry is asked for again: a log of the same length but another history shows there.
    let answer = await this.vault.api.readLog(Math.max(0, cached - 1));
    for (let first = true; ; first = false) {
      let { entries } = answer;
      if (first && cached > 0) {
        const [again, ...rest] = entries;
        const known = this.lines.at(-1);
        if (again?.entry !== known?.wire.entry || again?.signature !== known?.wire.signature) {
          throw rolledBack(this.vault, `entry ${String(cached)} is missing or different`);
        }
        entries = rest;
      }
      for (const wire of entries) this.#add(wire, checkEntry(this.vault, wire, this.head));
      if (answer.headSeq <= this.head.seq || answer.entries.length === 0) break;
      answer = await this.vault.api.readLog(this.head.seq);
    }
    if (answer.headSeq !== this.head.seq) {
      throw new ClientError('integrity', 'the daemon does not give the whole vault log', suspicion);
    }
    const line = this.lines[seen.seq - 1];
    if (seen.seq > 0 && (line === undefined || !equalBytes(line.hash, seen.hash))) {
      throw rolledBack(this.vault, `it has seen ${String(seen.seq)} entries, the daemon has ${String(this.head.seq)}`);
    }
    this.#held(() => {
      this.#state.checkIdentity(this.vault.identityPublicKey);
    });
    writeSeenHead(this.vault, this.head);
    if (this.lines.length > cached) this.#saveCache();
  }

  /** Takes in an entry that the daemon has just accepted from us. */
  acknowledge(wire: WireEntry): LogLine {
    const line = this.#add(wire, checkEntry(this.vault, wire, this.head));
    writeSeenHead(this.vault, this.head);
    this.#saveCache();
    return line;
  }

  #add(wire: WireEntry, checked: Pick<LogLine, 'entry' | 'hash'>): LogLine {
    const { epoch } = this.#state;
    const author = this.#held(() => this.#state.apply(checked.entry, Date.parse(wire.receivedAt)));
    const line = { ...checked, wire, author, epoch };
    this.lines.push(line);
    return line;
  }

  /** The rules are the daemon's too: a log that breaks them is not one that an honest daemon has taken. */
  #held<T>(check: () => T): T {
    try {
      return check();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw refused(this.lines.length + 1, `is not allowed: ${error.message}`, error);
    }
  }

  #loadCache(): void {
    try {
      const sealed = new Uint8Array(readFileSync(cachePath(this.vault)));
      const plain = openCacheBlock(this.vault.cacheKey, cachePurpose, sealed);
      const wires = JSON.parse(Buffer.from(plain).toString('utf8')) as WireEntry[];
      // Authenticated under the vault's own key, so signatures were checked when it was written; the rest is walked again.
      for (const wire of wires) {
        const entryBytes = fromBase64(wire.entry);
        const hash = hashLogEntry(entryBytes, fromBase64(wire.signature));
        this.#add(wire, { entry: decodeLogEntry(entryBytes), hash });
      }
    } catch {
      this.lines.length = 0;
      this.#state = new LogState();
    }
  }

  #saveCache(): void {
    try {
      const plain = Buffer.from(JSON.stringify(this.lines.map(({ wire }) => wire)));
      makeFolders(this.vault.cacheDir, 0o700);
      const temporary = `${cachePath(this.vault)}.${String(process.pid)}.tmp`;
      writeFileSync(temporary, sealCacheBlock(this.vault.cacheKey, cachePurpose, plain), { mode: 0o600 });
      renameSync(temporary, cachePath(this.vault));
    } catch {
      // Only a shortcut: without it the whole log is read again.
    }
  }
}
