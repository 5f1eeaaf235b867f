// ls: the names in the vault, or what a snapshot holds.
import { listLatest } from '../../client/snapshots.js';
import { requireScope } from '../../client/vault.js';
import { VaultLog } from '../../client/vault-log.js';
import type { Session } from '../session.js';
import { formatBytes, formatTime } from '../text.js';

export async function runLs(session: Session, reference: string | undefined): Promise<number> {
  if (reference === undefined) return listNames(session);
  // Loaded here, because names need nothing that reads manifests.
  const { listEntries } = await import('./ls-entries.js');
  return listEntries(session, reference);
}

async function listNames(session: Session): Promise<number> {
  const vault = await session.vault();
  requireScope(vault, 'list', 'pull');
  const names = await listLatest(await VaultLog.read(vault));
  for (const { latest, snapshots } of names) {
    const { name, counts, host } = latest.record;
    const version = String(latest.version);
    const size = formatBytes(counts.bytes).padStart(8);
    session.output.result(`${formatTime(Date.parse(latest.receivedAt))}  ${size}  ${name}@${version}`, {
      type: 'name',
      name,
      latestVersion: latest.version,
      snapshots,
      receivedAt: latest.receivedAt,
      host,
      ...counts,
    });
  }
  session.output.summary('', { names: names.length });
  return 0;
}
