// Accounts, their credentials and keyrings, and the personal vault that each one starts with.
import { and, eq } from 'drizzle-orm';
import { ProtocolError } from '../../protocol/errors.js';
import type { KeyStretching } from '../../protocol/messages.js';
import type { Queries } from './connection.js';
import { accounts, credentials, keyringRecords, members, vaults } from './schema.js';

export interface NewAccount {
  readonly accountId: string;
  readonly name: string;
  readonly identityPublicKey: Uint8Array;
  readonly recoveryPublicKey: Uint8Array;
  readonly registrationRecord: string;
  readonly keyStretching: KeyStretching;
  readonly passwordEnvelope: Uint8Array;
  readonly recoveryEnvelope: Uint8Array;
  readonly vaultId: string;
  readonly vaultPublicKey: Uint8Array;
  readonly vaultEnvelope: Uint8Array;
}

/** What a client gets back at login, for a vault it is a member of. */
export interface AccountKeyring {
  readonly accountNo: number;
  readonly accountId: string;
  readonly name: string;
  readonly identityPublicKey: Uint8Array;
  readonly recoveryPublicKey: Uint8Array;
  readonly passwordEnvelope: Uint8Array;
  readonly recoveryEnvelope: Uint8Array;
  readonly vaultId: string;
  readonly vaultPublicKey: Uint8Array;
  readonly vaultEnvelope: Uint8Array;
}

const passwordPurpose = 'root/password';
const recoveryPurpose = 'root/recovery';
const vaultPurpose = (vaultId: string) => `vault/${vaultId}`;

/** Inserts account, credential, keyring, vault and membership; throws ProtocolError `account-exists`. Returns the account's number. */
export function insertAccount(tx: Queries, account: NewAccount, nowMs: number): number {
  const taken = tx.select().from(accounts).where(eq(accounts.name, account.name)).get();
  if (taken !== undefined) throw new ProtocolError('account-exists', 'this account name is taken');
  const sameId = tx.select().from(accounts).where(eq(accounts.accountId, account.accountId)).get();
  const sameVault = tx.select().from(vaults).where(eq(vaults.vaultId, account.vaultId)).get();
  if (sameId !== undefined || sameVault !== undefined) throw new ProtocolError('conflict', 'choose other ids');
  const { accountNo } = tx
    .insert(accounts)
    .values({
      accountId: account.accountId,
      name: account.name,
      identityPublicKey: Buffer.from(account.identityPublicKey),
      recoveryPublicKey: Buffer.from(account.recoveryPublicKey),
      createdAt: nowMs,
    })
    .returning({ accountNo: accounts.accountNo })
    .get();
  const { registrationRecord, keyStretching } = account;
  tx.insert(credentials)
    .values({ accountNo, registrationRecord, ...stretchingColumns(keyStretching), updatedAt: nowMs })
    .run();
  const { vaultNo } = tx
    .insert(vaults)
    .values({
      vaultId: account.vaultId,
      publicKey: Buffer.from(account.vaultPublicKey),
      headHash: Buffer.alloc(32),
      createdAt: nowMs,
    })
    .returning({ vaultNo: vaults.vaultNo })
    .get();
  tx.insert(members).values({ vaultNo, accountNo, createdAt: nowMs }).run();
  const envelopes: [string, Uint8Array][] = [
    [passwordPurpose, account.passwordEnvelope],
    [recoveryPurpose, account.recoveryEnvelope],
    [vaultPurpose(account.vaultId), account.vaultEnvelope],
  ];
  tx.insert(keyringRecords)
    .values(
      envelopes.map(([purpose, envelope]) => ({
        accountNo,
        purpose,
        envelope: Buffer.from(envelope),
        updatedAt: nowMs,
      })),
    )
    .run();
  return accountNo;
}

function stretchingColumns({ memoryKib, iterations, parallelism }: KeyStretching) {
  return {
    stretchingMemoryKib: memoryKib,
    stretchingIterations: iterations,
    stretchingParallelism: parallelism,
  };
}

/** What proves a password. */
export interface AccountCredential {
  readonly registrationRecord: string;
  readonly keyStretching: KeyStretching;
}

export function findCredential(db: Queries, name: string): AccountCredential | undefined {
  return db
    .select({
      registrationRecord: credentials.registrationRecord,
      keyStretching: {
        memoryKib: credentials.stretchingMemoryKib,
        iterations: credentials.stretchingIterations,
        parallelism: credentials.stretchingParallelism,
      },
    })
    .from(accounts)
    .innerJoin(credentials, eq(credentials.accountNo, accounts.accountNo))
    .where(eq(accounts.name, name))
    .get();
}

export interface NewPassword extends AccountCredential {
  readonly passwordEnvelope: Uint8Array;
}

/** Only inside a transaction: a record without its envelope would lock the account. */
export function replacePassword(tx: Queries, accountNo: number, password: NewPassword, nowMs: number): void {
  const { registrationRecord, keyStretching, passwordEnvelope } = password;
  tx.update(credentials)
    .set({ registrationRecord, ...stretchingColumns(keyStretching), updatedAt: nowMs })
    .where(eq(credentials.accountNo, accountNo))
    .run();
  tx.update(keyringRecords)
    .set({ envelope: Buffer.from(passwordEnvelope), updatedAt: nowMs })
    .where(and(eq(keyringRecords.accountNo, accountNo), eq(keyringRecords.purpose, passwordPurpose)))
    .run();
}

/** All of a keyring, the password's part left to `replacePassword`. */
export interface NewKeys {
  readonly identityPublicKey: Uint8Array;
  readonly recoveryPublicKey: Uint8Array;
  readonly recoveryEnvelope: Uint8Array;
  readonly vaultPublicKey: Uint8Array;
  readonly vaultEnvelope: Uint8Array;
}

/** Only inside the transaction that replaces the password's envelope and appends the rotation to the log. */
export function replaceKeys(tx: Queries, accountNo: number, vaultNo: number, keys: NewKeys, nowMs: number): void {
  tx.update(accounts)
    .set({
      identityPublicKey: Buffer.from(keys.identityPublicKey),
      recoveryPublicKey: Buffer.from(keys.recoveryPublicKey),
    })
    .where(eq(accounts.accountNo, accountNo))
    .run();
  const vault = tx
    .update(vaults)
    .set({ publicKey: Buffer.from(keys.vaultPublicKey) })
    .where(eq(vaults.vaultNo, vaultNo))
    .returning({ vaultId: vaults.vaultId })
    .get();
  const envelopes: [string, Uint8Array][] = [
    [recoveryPurpose, keys.recoveryEnvelope],
    [vaultPurpose(vault.vaultId), keys.vaultEnvelope],
  ];
  for (const [purpose, envelope] of envelopes) {
    tx.update(keyringRecords)
      .set({ envelope: Buffer.from(envelope), updatedAt: nowMs })
      .where(and(eq(keyringRecords.accountNo, accountNo), eq(keyringRecords.purpose, purpose)))
      .run();
  }
}

export function findKeyring(db: Queries, name: string): AccountKeyring | undefined {
  const row = db
    .select({
      accountNo: accounts.accountNo,
      accountId: accounts.accountId,
      name: accounts.name,
      identityPublicKey: accounts.identityPublicKey,
      recoveryPublicKey: accounts.recoveryPublicKey,
      vaultId: vaults.vaultId,
      vaultPublicKey: vaults.publicKey,
    })
    .from(accounts)
    .innerJoin(members, eq(members.accountNo, accounts.accountNo))
    .innerJoin(vaults, eq(vaults.vaultNo, members.vaultNo))
    .where(eq(accounts.name, name))
    .orderBy(vaults.vaultNo)
    .limit(1)
    .get();
  if (row === undefined) return undefined;
  const records = db.select().from(keyringRecords).where(eq(keyringRecords.accountNo, row.accountNo)).all();
  const envelope = (purpose: string) => records.find((record) => record.purpose === purpose)?.envelope;
  const passwordEnvelope = envelope(passwordPurpose);
  const recoveryEnvelope = envelope(recoveryPurpose);
  const vaultEnvelope = envelope(vaultPurpose(row.vaultId));
  if (passwordEnvelope === undefined || recoveryEnvelope === undefined || vaultEnvelope === undefined) return undefined;
  return { ...row, passwordEnvelope, recoveryEnvelope, vaultEnvelope };
}

export interface VaultUse {
  readonly ownedBytes: number;
}

export function findVaultUse(db: Queries, vaultNo: number): VaultUse {
  const row = db.select({ ownedBytes: vaults.ownedBytes }).from(vaults).where(eq(vaults.vaultNo, vaultNo)).get();
  return { ownedBytes: row?.ownedBytes ?? 0 };
}
