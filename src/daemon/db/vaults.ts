// The head of a vault's log and the keys of its members.
import assert from 'node:assert/strict';
import { and, eq } from 'drizzle-orm';
import type { Queries } from './connection.js';
import { accounts, members, vaults } from './schema.js';

export interface VaultHead {
  /** 0 while the log is empty. */
  readonly headSeq: number;
  /** `hashLogEntry` of the newest entry; 32 zero bytes while the log is empty. */
  readonly headHash: Uint8Array;
}

export function readHead(db: Queries, vaultNo: number): VaultHead {
  const head = db
    .select({ headSeq: vaults.headSeq, headHash: vaults.headHash })
    .from(vaults)
    .where(eq(vaults.vaultNo, vaultNo))
    .get();
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

/** Whether `publicKey` is the identity key of an account that is a member of the vault. */
export function isMemberKey(db: Queries, vaultNo: number, publicKey: Uint8Array): boolean {
  const row = db
    .select({ accountNo: accounts.accountNo })
    .from(members)
    .innerJoin(accounts, eq(accounts.accountNo, members.accountNo))
    .where(and(eq(members.vaultNo, vaultNo), eq(accounts.identityPublicKey, Buffer.from(publicKey))))
    .get();
  return row !== undefined;
}
