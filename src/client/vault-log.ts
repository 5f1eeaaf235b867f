// The vault log as this machine sees it (docs/format.md, "Vault log"): every entry is checked before anything of it is
// used, and the log must extend the head that was seen last.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../protocol/blob-id.js';
import { equalBytes, fromBase64, fromHex, toHex } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { decodeLogEntry, hashLogEntry, isLogEntrySigned, type LogEntry } from '../protocol/log-entry.js';
import type { ReadLogResponse } from '../protocol/messages.js';
import { writeFileDurably } from './durable-file.js';
import { ClientError, integrityError } from './errors.js';
import { openCacheBlock, sealCacheBlock } from './sealed-cache.js';
import type { Vault } from './vault.js';

/** An entry as the daemon gave it. */
type WireEntry = ReadLogResponse['entries'][number];

/** An entry that has been checked. */
export interface LogLine {
  readonly wire: WireEntry;
  readonly entry: LogEntry;
  /** 32 bytes: what names this entry and chains the next one. */
  readonly hash: Uint8Array;
}

export interface LogHead {
  readonly seq: number;
  readonly hash: Uint8Array;
}

const cachePurpose = 'jaycloud/1/log-cache';
const noHead: LogHead = { seq: 0, hash: new Uint8Array(32) };

const headPath = (vault: Vault) => join(vault.stateDir, `${vault.vaultId}.json`);
const cachePath = (vault: Vault) => join(vault.cacheDir, 'log');

function readSeenHead(vault: Vault): LogHead {
  let text: string;
  try {
    text = readFileSync(headPath(vault), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return noHead;
    throw new ClientError('failed', `cannot read ${headPath(vault)}: ${(error as Error).message}`);
  }
  try {
    const { seq, hash } = JSON.parse(text) as { seq: unknown; hash: unknown };
    if (typeof seq !== 'number' || typeof hash !== 'string') throw new TypeError('wrong shape');
    return { seq, hash: fromHex(hash) };
  } catch (cause) {
    throw new ClientError('failed', `${headPath(vault)} is damaged`, 'remove it if you trust the daemon now', {
      cause,
    });
  }
}

function writeSeenHead(vault: Vault, head: LogHead): void {
  if (head.seq <= readSeenHead(vault).seq) return;
  try {
    mkdirSync(vault.stateDir, { recursive: true, mode: 0o700 });
    writeFileDurably(headPath(vault), `${JSON.stringify({ seq: head.seq, hash: toHex(head.hash) })}\n`);
  } catch {
    // Reading works on a machine that can keep nothing. It checks against what was seen before, if anything.
    vault.onNote?.(
      `${vault.stateDir} cannot be written: this machine will not notice if the daemon goes back to an older state`,
    );
  }
}

function rolledBack(vault: Vault, detail: string): ClientError {
  return new ClientError(
    'integrity',
    `the vault log of '${vault.account}' is not the one this machine has seen: ${detail}`,
    `the daemon may have lost entries or be lying; if you know why and accept it, remove ${headPath(vault)}`,
  );
}

/** Checks one entry against the one before it; throws ClientError `integrity`. */
function checkEntry(vault: Vault, wire: WireEntry, previous: LogHead): LogLine {
  const entryBytes = fromBase64(wire.entry);
  const signature = fromBase64(wire.signature);
  let entry: LogEntry;
  try {
    entry = decodeLogEntry(entryBytes);
  } catch (cause) {
    throw integrityError('the vault log has an entry that cannot be read', cause);
  }
  const where = `entry ${String(previous.seq + 1)} of the vault log`;
  if (toHex(entry.vaultId) !== vault.vaultId) throw integrityError(`${where} belongs to another vault`);
  if (entry.seq !== previous.seq + 1 || !equalBytes(entry.previousHash, previous.hash)) {
    throw integrityError(`${where} does not follow the one before it`);
  }
  // The account is the vault's only member: nobody else may have written here.
  if (!equalBytes(entry.author, vault.identityPublicKey)) throw integrityError(`${where} has an unknown author`);
  if (!isLogEntrySigned(entry.author, entryBytes, signature)) throw integrityError(`${where} has a wrong signature`);
  if (!equalBytes(entry.bodyHash, sha256(fromBase64(wire.body)))) throw integrityError(`${where} has another body`);
  return { wire, entry, hash: hashLogEntry(entryBytes, signature) };
}

export class VaultLog {
  readonly vault: Vault;
  readonly lines: LogLine[] = [];
  readonly #deleted = new Set<number>();

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
    return this.lines[seq - 1]?.entry.op === 'push' && !this.#deleted.has(seq);
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
      for (const wire of entries) this.#add(checkEntry(this.vault, wire, this.head));
      if (answer.headSeq <= this.head.seq || answer.entries.length === 0) break;
      answer = await this.vault.api.readLog(this.head.seq);
    }
    if (answer.headSeq !== this.head.seq) throw integrityError('the daemon does not give the whole vault log');
    const line = this.lines[seen.seq - 1];
    if (seen.seq > 0 && (line === undefined || !equalBytes(line.hash, seen.hash))) {
      throw rolledBack(this.vault, `it has seen ${String(seen.seq)} entries, the daemon has ${String(this.head.seq)}`);
    }
    writeSeenHead(this.vault, this.head);
    if (this.lines.length > cached) this.#saveCache();
  }

  /** Takes in an entry that the daemon has just accepted from us. */
  acknowledge(wire: WireEntry): LogLine {
    const line = checkEntry(this.vault, wire, this.head);
    this.#add(line);
    writeSeenHead(this.vault, this.head);
    this.#saveCache();
    return line;
  }

  #add(line: LogLine): void {
    this.lines.push(line);
    if (line.entry.op === 'delete') this.#deleted.add(line.entry.targetSeq);
  }

  #loadCache(): void {
    try {
      const sealed = new Uint8Array(readFileSync(cachePath(this.vault)));
      const plain = openCacheBlock(this.vault.keys.cacheKey, cachePurpose, sealed);
      const wires = JSON.parse(Buffer.from(plain).toString('utf8')) as WireEntry[];
      // Authenticated under the vault's own key, so signatures were checked when it was written; the chain is walked again.
      for (const wire of wires) {
        const entryBytes = fromBase64(wire.entry);
        this.#add({
          wire,
          entry: decodeLogEntry(entryBytes),
          hash: hashLogEntry(entryBytes, fromBase64(wire.signature)),
        });
      }
    } catch {
      this.lines.length = 0;
      this.#deleted.clear();
    }
  }

  #saveCache(): void {
    try {
      const plain = Buffer.from(JSON.stringify(this.lines.map(({ wire }) => wire)));
      mkdirSync(this.vault.cacheDir, { recursive: true, mode: 0o700 });
      const temporary = `${cachePath(this.vault)}.${String(process.pid)}.tmp`;
      writeFileSync(temporary, sealCacheBlock(this.vault.keys.cacheKey, cachePurpose, plain), { mode: 0o600 });
      renameSync(temporary, cachePath(this.vault));
    } catch {
      // Only a shortcut: without it the whole log is read again.
    }
  }
}

/** True for the daemon's answer that somebody else appended first. */
export function isLogConflict(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === 'conflict';
}
