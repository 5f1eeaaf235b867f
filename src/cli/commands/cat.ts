// cat: one file of a snapshot on standard output, each chunk checked before it is written.
import { once } from 'node:events';
import { ClientError } from '../../client/errors.js';
import { readFileContent } from '../../client/pull/read-file.js';
import { findSnapshot, parseReference, snapshotPath } from '../../client/snapshots.js';
import { requireScope } from '../../client/vault.js';
import { VaultLog } from '../../client/vault-log.js';
import type { Session } from '../session.js';

export async function runCat(session: Session, text: string): Promise<number> {
  const reference = parseReference(text);
  const path = snapshotPath(reference);
  if (path.length === 0) throw new ClientError('usage', 'which file?', 'write NAME:PATH or NAME@VERSION:PATH');
  const vault = await session.vault();
  requireScope(vault, 'pull');
  const { record } = await findSnapshot(await VaultLog.read(vault), reference);
  for await (const bytes of readFileContent(vault.api, record.root, path)) {
    session.signal.throwIfAborted();
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain', { signal: session.signal });
  }
  return 0;
}
