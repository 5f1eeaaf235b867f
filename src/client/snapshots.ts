// Snapshots as users name them (docs/cli.md, "Naming a snapshot"): opened records of the vault log, versions counted per name.

import { sha256 } from '../protocol/blob-id.js';
import { equalBytes, fromBase64, fromHex, toBase64, toHex, utf8 } from '../protocol/bytes.js';
import { encodeLogEntry, signLogEntry } from '../protocol/log-entry.js';
import { ClientError } from './errors.js';
import { nameTag } from './key-hierarchy.js';
import { openSnapshotRecord, type SnapshotRecord, sealSnapshotRecord, vaultKeyPair } from './snapshot-record.js';
import type { Vault } from './vault.js';
import { isLogConflict, type LogLine, type VaultLog } from './vault-log.js';

export interface Snapshot {
  readonly seq: number;
  /** Counts the pushes of this name, deleted ones included: a version never changes its number. */
  readonly version: number;
  /** 64 hex digits: the hash of the log entry. */
  readonly id: string;
  readonly receivedAt: string;
  readonly record: SnapshotRecord;
}

/** `NAME[@VERSION][:PATH]` as it was typed. */
export interface SnapshotReference {
  readonly name: string;
  readonly version: string;
  /** Undefined without a colon. */
  readonly path: string | undefined;
}

const appendTriesMax = 30;
const namePattern = /^[^\s@:/\p{Cc}][^@:\p{Cc}]*$/u;

/** Throws ClientError `usage` for a text that cannot name a series of snapshots. */
export function checkName(name: string): string {
  const isValid =
    namePattern.test(name) && Buffer.byteLength(name) <= 200 && name.split('/').every((part) => part.trim() !== '');
  if (!isValid) {
    throw new ClientError(
      'usage',
      `'${name}' cannot be a name`,
      'names look like laptop/home: no @, no colon, no empty part',
    );
  }
  return name.normalize('NFC');
}

export function parseReference(text: string): SnapshotReference {
  const match = /^([^@:]+)(?:@([^:]*))?(?::([^]*))?$/.exec(text);
  const [, name, version, path] = match ?? [];
  if (name === undefined || version === '') {
    throw new ClientError(
      'usage',
      `'${text}' does not name a snapshot`,
      'write NAME, NAME@VERSION or NAME@VERSION:PATH',
    );
  }
  return { name: checkName(name), version: version ?? 'latest', path };
}

/** The path of a reference as the manifest writes it: no slash at either end, no `.`; empty for everything. */
export function snapshotPath(reference: SnapshotReference): Uint8Array {
  const parts = (reference.path ?? '').split('/').filter((part) => part !== '' && part !== '.');
  return utf8(parts.join('/'));
}

async function openLine(vault: Vault, line: LogLine, version: number): Promise<Snapshot> {
  const record = await openSnapshotRecord(
    { hpkeSeed: vault.keys.hpkeSeed, vaultId: fromHex(vault.vaultId), nameTag: line.entry.nameTag },
    fromBase64(line.wire.body),
  );
  if (!equalBytes(record.root.id, line.entry.root)) {
    throw new ClientError('integrity', `snapshot ${String(line.entry.seq)} contradicts its log entry`);
  }
  return { seq: line.entry.seq, version, id: toHex(line.hash), receivedAt: line.wire.receivedAt, record };
}

/** Live snapshots, oldest first; of one name where `name` is given, which opens no others. */
export async function listSnapshots(log: VaultLog, name?: string): Promise<Snapshot[]> {
  const wanted = name === undefined ? undefined : nameTag(log.vault.keys.nameKey, name);
  const versions = new Map<string, number>();
  const snapshots: Snapshot[] = [];
  for (const line of log.lines) {
    if (line.entry.op !== 'push') continue;
    const tag = toHex(line.entry.nameTag);
    const version = (versions.get(tag) ?? 0) + 1;
    versions.set(tag, version);
    if (!log.isLive(line.entry.seq) || (wanted !== undefined && !equalBytes(wanted, line.entry.nameTag))) continue;
    snapshots.push(await openLine(log.vault, line, version));
  }
  return snapshots;
}

/** The snapshot that a reference means; throws ClientError `not-found`, with what there is in its hint. */
export async function findSnapshot(log: VaultLog, reference: SnapshotReference): Promise<Snapshot> {
  const snapshots = await listSnapshots(log, reference.name);
  if (snapshots.length === 0) {
    throw new ClientError(
      'not-found',
      `there is no snapshot named '${reference.name}'`,
      "'jaycloud ls' lists the names",
    );
  }
  const found = pick(snapshots, reference.version);
  if (found !== undefined) return found;
  const versions = snapshots.map(({ version }) => String(version)).slice(-8);
  throw new ClientError(
    'not-found',
    `'${reference.name}' has no version '${reference.version}'`,
    `versions: ${versions.join(', ')}`,
  );
}

/**
 * By number, `latest`, `latest~N`, a prefix of the id, or a date (2026-01-31, or 2026-01-31T1830 for a minute of it, UTC):
 * the last one that the daemon had received by its end.
 */
function pick(snapshots: readonly Snapshot[], version: string): Snapshot | undefined {
  const back = /^latest(?:~(\d{1,9}))?$/.exec(version);
  if (back !== null) return snapshots.at(-1 - Number(back[1] ?? '0'));
  const date = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(\d{2}))?$/.exec(version);
  if (date !== null) {
    const [, day = '', hour = '23', minute = '59'] = date;
    const limit = Date.parse(`${day}T${hour}:${minute}:59.999Z`);
    return snapshots.findLast(({ receivedAt }) => Date.parse(receivedAt) <= limit);
  }
  const byNumber = /^\d{1,9}$/.test(version) ? snapshots.find((one) => one.version === Number(version)) : undefined;
  if (byNumber !== undefined) return byNumber;
  if (!/^[0-9a-f]{6,64}$/.test(version)) return undefined;
  const matches = snapshots.filter(({ id }) => id.startsWith(version));
  if (matches.length > 1) throw new ClientError('usage', `'${version}' fits several snapshots`, 'give more digits');
  return matches[0];
}

/** Signs and appends an entry; starts again at the new head where somebody else was faster. */
async function append(
  log: VaultLog,
  change: Pick<LogLine['entry'], 'op' | 'nameTag' | 'root' | 'targetSeq'>,
  body: Uint8Array,
  isStillWanted: () => void,
): Promise<LogLine> {
  const { vault } = log;
  for (let attempt = 1; ; attempt += 1) {
    isStillWanted();
    const entry = encodeLogEntry({
      ...change,
      vaultId: fromHex(vault.vaultId),
      seq: log.head.seq + 1,
      previousHash: log.head.hash,
      bodyHash: sha256(body),
      author: vault.identityPublicKey,
      timeMs: Date.now(),
    });
    const signature = signLogEntry(vault.identityKey, entry);
    const request = { entry: toBase64(entry), signature: toBase64(signature), body: toBase64(body) };
    try {
      const { receivedAt } = await vault.api.appendLog(request);
      return log.acknowledge({ ...request, receivedAt });
    } catch (error) {
      if (!isLogConflict(error) || attempt === appendTriesMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 50 * attempt));
      await log.refresh();
    }
  }
}

/** Publishes a snapshot whose manifest is stored already. */
export async function appendSnapshot(log: VaultLog, record: SnapshotRecord): Promise<Snapshot> {
  const { keys, vaultId } = log.vault;
  const tag = nameTag(keys.nameKey, record.name);
  const body = await sealSnapshotRecord({
    vaultPublicKey: (await vaultKeyPair(keys.hpkeSeed)).publicKey,
    vaultId: fromHex(vaultId),
    nameTag: tag,
    record,
  });
  const change = { op: 'push', nameTag: tag, root: record.root.id, targetSeq: 0 } as const;
  const line = await append(log, change, body, () => undefined);
  const version = log.lines.filter(({ entry }) => entry.op === 'push' && equalBytes(entry.nameTag, tag)).length;
  return { seq: line.entry.seq, version, id: toHex(line.hash), receivedAt: line.wire.receivedAt, record };
}

/** Deletes a snapshot; its content goes when nothing else refers to it. Throws `not-found` when somebody was faster. */
export async function deleteSnapshot(log: VaultLog, snapshot: Snapshot): Promise<void> {
  const tag = nameTag(log.vault.keys.nameKey, snapshot.record.name);
  const change = { op: 'delete', nameTag: tag, root: new Uint8Array(), targetSeq: snapshot.seq } as const;
  await append(log, change, new Uint8Array(), () => {
    if (!log.isLive(snapshot.seq)) throw new ClientError('not-found', 'the snapshot has been deleted already');
  });
}
