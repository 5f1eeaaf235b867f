// Snapshots as users name them (docs/cli.md, "Naming a snapshot"): opened records of the vault log, versions counted per name.

import { equalBytes, fromBase64, fromHex, toHex, utf8 } from '../protocol/bytes.js';
import { nameTagOf } from '../protocol/name-path.js';
import { authorSigner, type WritableLog, write } from './append-log.js';
import { ClientError, integrityError } from './errors.js';
import { openSnapshotRecord, type SnapshotRecord, sealSnapshotRecord } from './snapshot-record.js';
import type { Vault } from './vault.js';
import type { LogLine, VaultLog } from './vault-log.js';

export interface Snapshot {
  readonly seq: number;
  /** Counts the pushes of this name, deleted ones included: a version never changes its number. */
  readonly version: number;
  /** 64 hex digits: the hash of the log entry. */
  readonly id: string;
  readonly receivedAt: string;
  readonly record: SnapshotRecord;
}

/** A push in the log, which can be chosen and deleted without being opened. */
export interface LoggedPush {
  readonly line: LogLine;
  readonly seq: number;
  readonly version: number;
  readonly id: string;
  readonly receivedAt: string;
}

/** `NAME[@VERSION][:PATH]` as it was typed. */
export interface SnapshotReference {
  readonly name: string;
  readonly version: string;
  /** Undefined without a colon. */
  readonly path: string | undefined;
}

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

/** Pushes that are live, oldest first; of one name where `name` is given. Nothing is opened. */
export function listPushes(log: VaultLog, name?: string): LoggedPush[] {
  const wanted = name === undefined ? undefined : log.vault.names.tagOf(name);
  const versions = new Map<string, number>();
  const pushes: LoggedPush[] = [];
  for (const line of log.lines) {
    const { change, seq } = line.entry;
    if (change.op !== 'push') continue;
    const tag = nameTagOf(change.namePath);
    const version = (versions.get(toHex(tag)) ?? 0) + 1;
    versions.set(toHex(tag), version);
    if (!log.isLive(seq) || (wanted !== undefined && !equalBytes(wanted, tag))) continue;
    pushes.push({ line, seq, version, id: toHex(line.hash), receivedAt: line.wire.receivedAt });
  }
  return pushes;
}

async function openPush(vault: Vault, push: LoggedPush): Promise<Snapshot> {
  const { line, ...place } = push;
  const { change } = line.entry;
  const hpkeSeed = vault.hpkeSeeds[line.epoch];
  if (hpkeSeed === undefined) {
    throw new ClientError('forbidden', 'this token may not open snapshots', 'make one with the scope list or pull');
  }
  if (change.op !== 'push' || line.wire.body === null) throw integrityError('the daemon withholds a snapshot');
  const nameTag = nameTagOf(change.namePath);
  const context = { hpkeSeed, vaultId: fromHex(vault.vaultId), nameTag };
  const record = await openSnapshotRecord(context, fromBase64(line.wire.body));
  if (!equalBytes(record.root.id, change.root) || !equalBytes(vault.names.tagOf(record.name), nameTag)) {
    throw integrityError(`snapshot ${String(place.seq)} contradicts its log entry`);
  }
  return { ...place, record };
}

/** Live snapshots, oldest first; of one name where `name` is given. Those outside the prefix of a token are left out. */
export async function listSnapshots(log: VaultLog, name?: string): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = [];
  for (const push of listPushes(log, name)) {
    if (push.line.wire.body !== null || name !== undefined) snapshots.push(await openPush(log.vault, push));
  }
  return snapshots;
}

export interface NamedSeries {
  readonly latest: Snapshot;
  /** How many of the name are live. */
  readonly snapshots: number;
}

/**
 * What there is of each name, in the order of the names; of those outside the prefix of a token nothing. Only the latest of
 * each is opened: opening takes longer than everything else where there are many.
 */
export async function listLatest(log: VaultLog): Promise<NamedSeries[]> {
  const byTag = new Map<string, LoggedPush[]>();
  for (const push of listPushes(log)) {
    const { change } = push.line.entry;
    if (change.op !== 'push' || push.line.wire.body === null) continue;
    const tag = toHex(nameTagOf(change.namePath));
    const series = byTag.get(tag) ?? [];
    byTag.set(tag, series);
    series.push(push);
  }
  const all: NamedSeries[] = [];
  for (const series of byTag.values()) {
    const last = series.at(-1);
    if (last !== undefined) all.push({ latest: await openPush(log.vault, last), snapshots: series.length });
  }
  return all.sort((a, b) => (a.latest.record.name < b.latest.record.name ? -1 : 1));
}

/** The push that a reference means; throws ClientError `not-found`, with what there is in its hint. */
export function findPush(log: VaultLog, reference: SnapshotReference): LoggedPush {
  const pushes = listPushes(log, reference.name);
  if (pushes.length === 0) {
    throw new ClientError(
      'not-found',
      `there is no snapshot named '${reference.name}'`,
      "'jaycloud ls' lists the names",
    );
  }
  const found = pick(pushes, reference.version);
  if (found !== undefined) return found;
  const versions = pushes.map(({ version }) => String(version)).slice(-8);
  throw new ClientError(
    'not-found',
    `'${reference.name}' has no version '${reference.version}'`,
    `versions: ${versions.join(', ')}`,
  );
}

/** The snapshot that a reference means, opened. */
export function findSnapshot(log: VaultLog, reference: SnapshotReference): Promise<Snapshot> {
  return openPush(log.vault, findPush(log, reference));
}

/**
 * By number, `latest`, `latest~N`, a prefix of the id, or a date (2026-01-31, or 2026-01-31T1830 for a minute of it, UTC):
 * the last one that the daemon had received by its end.
 */
function pick(snapshots: readonly LoggedPush[], version: string): LoggedPush | undefined {
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

/** Publishes a snapshot whose manifest is stored already. */
export async function appendSnapshot(log: WritableLog, record: SnapshotRecord): Promise<Snapshot> {
  const { vault } = log;
  const namePath = vault.names.pathOf(record.name);
  const body = await sealSnapshotRecord({
    vaultPublicKey: await vault.publicKey(),
    vaultId: fromHex(vault.vaultId),
    nameTag: nameTagOf(namePath),
    record,
  });
  const change = { op: 'push', namePath, root: record.root.id } as const;
  const written = await write(log, await authorSigner(log), () => ({ change, body }));
  if (written?.version === undefined) throw integrityError('the daemon took a snapshot and does not say its version');
  const { seq, hash, receivedAt } = written;
  // Who may read the log counts for himself.
  const counted = 'lines' in log ? listPushes(log, record.name).find((push) => push.seq === seq)?.version : undefined;
  return { seq, version: counted ?? written.version, id: toHex(hash), receivedAt, record };
}

/** Deletes a snapshot; its content goes when nothing else refers to it. Throws `not-found` when somebody was faster. */
export async function deleteSnapshot(log: VaultLog, push: Pick<LoggedPush, 'seq'>): Promise<void> {
  const change = { op: 'delete', targetSeq: push.seq } as const;
  await write(log, await authorSigner(log), () => {
    if (!log.isLive(push.seq)) throw new ClientError('not-found', 'the snapshot has been deleted already');
    return { change };
  });
}
