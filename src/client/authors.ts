// Who wrote what into a vault (docs/format.md, "Who may write"), as people read it.
import { fromBase64, fromHex, toHex } from '../protocol/bytes.js';
import { type AuthorRecord, openAuthorRecord } from './author-record.js';
import { integrityError } from './errors.js';
import type { LogLine, VaultLog } from './vault-log.js';

/** What the vault's members know of an author: the daemon only knows the certificate. */
export async function readAuthorRecord(log: VaultLog, line: LogLine): Promise<AuthorRecord> {
  const { change } = line.entry;
  const hpkeSeed = log.vault.hpkeSeeds[line.epoch];
  const { body } = line.wire;
  // A token that is kept to a prefix gets no labels.
  if (change.op !== 'certify' || hpkeSeed === undefined || body === null) return { label: '', prefix: '' };
  const context = { vaultId: fromHex(log.vault.vaultId), entityId: change.certificate.id };
  return openAuthorRecord(hpkeSeed, context, fromBase64(body));
}

export interface NamedAuthor {
  readonly kind: 'session' | 'token';
  /** 32 hex digits: of the session or token. */
  readonly id: string;
  /** Empty where nobody gave one, or where it may not be read. */
  readonly label: string;
  readonly isPushOnly: boolean;
}

/** Finds who wrote the entry at a place of the log; everyone is opened once. */
export function createAuthorFinder(log: VaultLog): (seq: number) => Promise<NamedAuthor> {
  const labels = new Map<number, Promise<AuthorRecord>>();
  return async (seq) => {
    const author = log.lines[seq - 1]?.author;
    const line = log.lines[(author?.certificateSeq ?? 0) - 1];
    if (author === undefined || line === undefined) throw integrityError(`entry ${String(seq)} has no author`);
    const { certificate, certificateSeq } = author;
    const record = labels.get(certificateSeq) ?? readAuthorRecord(log, line);
    labels.set(certificateSeq, record);
    const { label } = await record;
    return { kind: certificate.kind, id: toHex(certificate.id), label, isPushOnly: certificate.isPushOnly };
  };
}

/**
 * Whose pushes count together when it is decided what to keep: all sessions of the account are one, and each token is one
 * by itself. So what a stolen token pushes drops nothing of anybody else's.
 */
export function authorGroupOf(log: VaultLog, seq: number): string {
  const certificate = log.lines[seq - 1]?.author?.certificate;
  if (certificate === undefined) throw integrityError(`entry ${String(seq)} has no author`);
  return certificate.kind === 'session' ? 'account' : toHex(certificate.id);
}
