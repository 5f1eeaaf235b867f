// Who may write into a vault log (docs/storage.md, "Rows"): finds certificates, which stand in the log itself.
import assert from 'node:assert/strict';
import { and, eq, inArray, isNull } from 'drizzle-orm';
import { type Certificate } from '../../protocol/certificate.js';
import { decodeLogEntry } from '../../protocol/log-entry.js';
import type { Queries } from './connection.js';
import { findLogEntry } from './log-entries.js';
import { authors } from './schema.js';

/** The certificate at a place of the log that is known to hold one. */
export function readCertificate(db: Queries, vaultNo: number, certificateSeq: number): Certificate {
  const row = findLogEntry(db, vaultNo, certificateSeq);
  assert(row !== undefined, 'a certificate has its entry');
  const { change } = decodeLogEntry(row.entry);
  assert(change.op === 'certify', 'the entry is a certificate');
  return change.certificate;
}

/** The certificate of a key that holds; undefined where there is none or it has been taken back. */
export function findCertificate(db: Queries, vaultNo: number, publicKey: Uint8Array): Certificate | undefined {
  const row = db
    .select({ certificateSeq: authors.certificateSeq })
    .from(authors)
    .where(and(eq(authors.vaultNo, vaultNo), eq(authors.publicKey, Buffer.from(publicKey)), isNull(authors.endedSeq)))
    .get();
  return row === undefined ? undefined : readCertificate(db, vaultNo, row.certificateSeq);
}

/** False where the key has been certified before: one key has one certificate, for ever. */
export function insertAuthor(tx: Queries, vaultNo: number, certificateSeq: number, certificate: Certificate): boolean {
  const { publicKey, id } = certificate;
  const row = {
    vaultNo,
    certificateSeq,
    publicKey: Buffer.from(publicKey),
    entityId: Buffer.from(id).toString('hex'),
  };
  return tx.insert(authors).values(row).onConflictDoNothing().run().changes === 1;
}

/** Ends certificates and returns the session and token ids behind them; all of them must hold until now. */
export function endCertificates(
  tx: Queries,
  vaultNo: number,
  certificateSeqs: readonly number[],
  endedSeq: number,
): readonly string[] | undefined {
  const chosen = and(
    eq(authors.vaultNo, vaultNo),
    inArray(authors.certificateSeq, [...certificateSeqs]),
    isNull(authors.endedSeq),
  );
  const rows = tx.update(authors).set({ endedSeq }).where(chosen).returning({ entityId: authors.entityId }).all();
  return rows.length === certificateSeqs.length ? rows.map(({ entityId }) => entityId) : undefined;
}

/** A rotation leaves nobody. */
export function endAllCertificates(tx: Queries, vaultNo: number, endedSeq: number): void {
  tx.update(authors)
    .set({ endedSeq })
    .where(and(eq(authors.vaultNo, vaultNo), isNull(authors.endedSeq)))
    .run();
}
