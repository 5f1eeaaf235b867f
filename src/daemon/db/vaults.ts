// The head of a vault's log and the keys of its members.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
import { accounts, members, vaults } from './schema.js';

export interface VaultHead {
  /** 0 while the log is empty. */
  readonly headSeq: number;
  /** `hashLogEntry` of the newest entry; 32 zero bytes while the log is empty. */
  readonly headHash: Uint8Array;
}

const headOfVault = preparedOnce((db) =>
  db
    .select({ headSeq: vaults.headSeq, headHash: vaults.headHash })
    .from(vaults)
    .where(eq(vaults.vaultNo, sql.placeholder('vaultNo')))
    .prepare(),
);

export function readHead(db: Queries, vaultNo: number): VaultHead {
  const head = headOfVault(db).get({ vaultNo });
  assert(head !== undefined, 'a caller has a vault');
  return head;
}

/** Only inside the transaction that has just compared the head. */
export function moveHead(tx: Queries, vaultNo: number, head: VaultHead): void {
  tx.update(vaults)
    .set({ headSeq: head.headSeq, headHash: Buffer.from(head.headHash) })
    .where(eq(vaults.vaultNo, vaultNo))
    .run();
}

const identityOfVault = preparedOnce((db) =>
  db
    .select({ identityPublicKey: accounts.identityPublicKey })
    .from(members)
    .innerJoin(accounts, eq(accounts.accountNo, members.accountNo))
    .where(eq(members.vaultNo, sql.placeholder('vaultNo')))
    .prepare(),
);

/** The identity that certifies the authors of a vault: that of its one member. */
export function findIdentity(db: Queries, vaultNo: number): Uint8Array {
  const row = identityOfVault(db).get({ vaultNo });
  assert(row !== undefined, 'a vault has a member');
  return row.identityPublicKey;
}

/** Makes what a token that can only push stores for itself. Nobody reads it, so it has no key. Returns its number. */
export function insertTokenVault(tx: Queries, parentNo: number, nowMs: number): number {
  const none = Buffer.alloc(32);
  const row = tx
    .insert(vaults)
    .values({ vaultId: randomBytes(16).toString('hex'), parentNo, publicKey: none, headHash: none, createdAt: nowMs })
    .returning({ vaultNo: vaults.vaultNo })
    .get();
  return row.vaultNo;
}
