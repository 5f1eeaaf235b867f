// Tokens: what the daemon knows them by, what they have stored, whether they still hold. What they may do stands in their
// certificates in the vault log.
import { and, count, desc, eq, inArray, sql } from 'drizzle-orm';
import type { Certificate } from '../../protocol/certificate.js';
import { ProtocolError } from '../../protocol/errors.js';
import { listedTokensMax, tokensMax } from '../../protocol/limits.js';
import { readCertificate } from './authors.js';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
import { accounts, tokens, vaults } from './schema.js';

export interface StoredToken {
  readonly tokenId: string;
  readonly accountNo: number;
  readonly accountId: string;
  readonly account: string;
  readonly vaultNo: number;
  readonly vaultId: string;
  readonly ownerNo: number;
  readonly certificateSeq: number;
  readonly certificate: Certificate;
  readonly bundle: Uint8Array;
  readonly usedBytes: number;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  readonly revoked: boolean;
}

const columns = {
  tokenId: tokens.tokenId,
  accountNo: tokens.accountNo,
  accountId: accounts.accountId,
  account: accounts.name,
  vaultNo: tokens.vaultNo,
  vaultId: vaults.vaultId,
  ownerNo: tokens.ownerNo,
  certificateSeq: tokens.certificateSeq,
  bundle: tokens.bundle,
  usedBytes: tokens.usedBytes,
  createdAt: tokens.createdAt,
  lastUsedAt: tokens.lastUsedAt,
  revoked: tokens.revoked,
};

function selectTokens(db: Queries) {
  return db
    .select(columns)
    .from(tokens)
    .innerJoin(accounts, eq(accounts.accountNo, tokens.accountNo))
    .innerJoin(vaults, eq(vaults.vaultNo, tokens.vaultNo));
}

const tokenOfSecret = preparedOnce((db) =>
  selectTokens(db)
    .where(eq(tokens.secretHash, sql.placeholder('secretHash')))
    .prepare(),
);

/** Revoked and expired tokens too: their holders are told. */
export function findToken(db: Queries, secretHash: Uint8Array): StoredToken | undefined {
  const row = tokenOfSecret(db).get({ secretHash: Buffer.from(secretHash) });
  return row && { ...row, certificate: readCertificate(db, row.vaultNo, row.certificateSeq) };
}

/** Those that hold and the youngest of the revoked ones, `listedTokensMax` together, oldest first. */
export function listTokens(db: Queries, vaultNo: number): StoredToken[] {
  return selectTokens(db)
    .where(eq(tokens.vaultNo, vaultNo))
    .orderBy(tokens.revoked, desc(tokens.certificateSeq))
    .limit(listedTokensMax)
    .all()
    .sort((a, b) => a.certificateSeq - b.certificateSeq)
    .map((row) => ({ ...row, certificate: readCertificate(db, vaultNo, row.certificateSeq) }));
}

export interface NewToken {
  readonly tokenId: string;
  readonly accountNo: number;
  readonly vaultNo: number;
  readonly ownerNo: number;
  readonly certificateSeq: number;
  readonly secretHash: Uint8Array;
  readonly bundle: Uint8Array;
  readonly createdAt: number;
}

/** Throws ProtocolError `conflict` where the id or secret is in use, `too-large` beyond `tokensMax`. */
export function insertToken(tx: Queries, token: NewToken): void {
  const held = and(eq(tokens.vaultNo, token.vaultNo), eq(tokens.revoked, false));
  const has = tx.select({ count: count() }).from(tokens).where(held).get();
  if ((has?.count ?? 0) >= tokensMax)
    throw new ProtocolError('too-large', 'the vault has too many tokens: revoke some');
  const row = { ...token, secretHash: Buffer.from(token.secretHash), bundle: Buffer.from(token.bundle) };
  if (tx.insert(tokens).values(row).onConflictDoNothing().run().changes === 0) {
    throw new ProtocolError('conflict', 'the token id is in use');
  }
}

export function revokeTokens(tx: Queries, vaultNo: number, tokenIds: readonly string[]): void {
  tx.update(tokens)
    .set({ revoked: true })
    .where(and(eq(tokens.vaultNo, vaultNo), inArray(tokens.tokenId, [...tokenIds])))
    .run();
}

export function touchToken(db: Queries, tokenId: string, lastUsedAt: number): void {
  db.update(tokens).set({ lastUsedAt }).where(eq(tokens.tokenId, tokenId)).run();
}

/** Returns how many there were. */
export function revokeAllTokens(tx: Queries, vaultNo: number): number {
  return tx
    .update(tokens)
    .set({ revoked: true })
    .where(and(eq(tokens.vaultNo, vaultNo), eq(tokens.revoked, false)))
    .run().changes;
}
