// ls of a snapshot: what it holds, or a part of it.
import { ClientError, integrityError } from '../../client/errors.js';
import { createFetchNodes } from '../../client/fetch-nodes.js';
import type { ManifestEntry } from '../../client/manifest-entry.js';
import { type ManifestItem, readManifest } from '../../client/manifest-reader.js';
import { findSnapshot, parseReference, snapshotPath } from '../../client/snapshots.js';
import { keepHeapsSmall } from '../../client/thread-memory.js';
import { requireScope } from '../../client/vault.js';
import { VaultLog } from '../../client/vault-log.js';
import type { Session } from '../session.js';
import { formatTime, jsonPath, printablePath } from '../text.js';

const typeLetters = { directory: 'd', file: '-', symlink: 'l' } as const;

const modeTexts = {
  directory: new Map<number, string>(),
  file: new Map<number, string>(),
  symlink: new Map<number, string>(),
};

/** The ten characters that `ls -l` begins a line with. There are a few in a tree, and they are asked for with each entry. */
function modeText({ type, mode }: ManifestEntry): string {
  let text = modeTexts[type].get(mode);
  if (text === undefined) {
    text = `${typeLetters[type]}${permissionLetters(mode)}`;
    modeTexts[type].set(mode, text);
  }
  return text;
}

function permissionLetters(mode: number): string {
  const letters = Array.from('rwxrwxrwx', (letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-'));
  const special: [bit: number, at: number, set: string, unset: string][] = [
    [0o4000, 2, 's', 'S'],
    [0o2000, 5, 's', 'S'],
    [0o1000, 8, 't', 'T'],
  ];
  for (const [bit, at, set, unset] of special) if (mode & bit) letters[at] = letters[at] === 'x' ? set : unset;
  return letters.join('');
}

function entryLine(entry: ManifestEntry): string {
  const owner = `${entry.user || String(entry.uid)} ${entry.group || String(entry.gid)}`;
  const link = entry.linkTarget === undefined ? '' : ` -> ${printablePath(entry.linkTarget)}`;
  const path = entry.path.length === 0 ? '.' : printablePath(entry.path);
  const time = formatTime(entry.mtimeSeconds * 1000);
  return `${modeText(entry)} ${owner.padEnd(12)} ${String(entry.size).padStart(12)} ${time} ${path}${link}`;
}

function entryJson(entry: ManifestEntry): Record<string, unknown> {
  const { type, mode, uid, gid, user, group, size, sparse, linkTarget, hardlinkTo } = entry;
  const target = linkTarget === undefined ? undefined : jsonPath(linkTarget);
  const hardlink = hardlinkTo === undefined ? undefined : jsonPath(hardlinkTo);
  return {
    type: 'entry',
    ...jsonPath(entry.path),
    kind: type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    user,
    group,
    size,
    mtimeSeconds: entry.mtimeSeconds,
    mtimeNanoseconds: entry.mtimeNanoseconds,
    ...(sparse ? { sparse } : {}),
    ...(target === undefined
      ? {}
      : { target: target.path, ...(target.pathBase64 === undefined ? {} : { targetBase64: target.pathBase64 }) }),
    ...(hardlink === undefined ? {} : { hardlinkTo: hardlink.path }),
  };
}

export async function listEntries(session: Session, text: string): Promise<number> {
  const reference = parseReference(text);
  const vault = await session.vault();
  requireScope(vault, 'pull');
  const { record } = await findSnapshot(await VaultLog.read(vault), reference);
  const prefix = snapshotPath(reference);
  keepHeapsSmall();
  const items = readManifest(record.root, createFetchNodes(vault.api), { prefix });
  const { entries, lost } = await writeItems(items, session);
  if (lost > 0) throw integrityError('parts of the manifest are damaged');
  if (entries === 0 && prefix.length > 0) {
    throw new ClientError('nothing-matched', `the snapshot has no '${reference.path ?? ''}'`);
  }
  session.output.summary('', { entries });
  return 0;
}

/** Writes what is read, no faster than it is taken. */
export async function writeItems(
  items: AsyncIterable<ManifestItem>,
  { output, signal }: Pick<Session, 'output' | 'signal'>,
): Promise<{ entries: number; lost: number }> {
  let entries = 0;
  let lost = 0;
  for await (const item of items) {
    if ('gap' in item) {
      lost += item.gap.entries;
      output.problem('damaged', item.gap.firstPath, `${String(item.gap.entries)} entries from here on are lost`);
    } else {
      const { entry } = item;
      entries += 1;
      output.listed(
        () => entryLine(entry),
        () => entryJson(entry),
      );
    }
    const waiting = output.taken(signal);
    if (waiting !== undefined) await waiting;
  }
  return { entries, lost };
}
