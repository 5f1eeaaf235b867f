// An account with a vault and a session, written straight into the tables, for tests of what comes after login.
import { randomBytes } from 'node:crypto';
import type { Database } from '../../src/daemon/db/connection.js';
import { accounts, members, vaults } from '../../src/daemon/db/schema.js';
import { insertSession } from '../../src/daemon/db/sessions.js';
import { sha256 } from '../../src/protocol/blob-id.js';
import { toBase64 } from '../../src/protocol/bytes.js';

export interface TestAccount {
  readonly accountNo: number;
  readonly accountId: string;
  /** Value of the `Authorization` header. */
  readonly authorization: string;
}

export function insertAccount(database: Database, name: string, nowMs: number): TestAccount {
  const key = Buffer.alloc(32);
  const accountId = randomBytes(16).toString('hex');
  const secret = randomBytes(32);
  return database.transaction((tx) => {
    const account = tx
      .insert(accounts)
      .values({ accountId, name, identityPublicKey: key, recoveryPublicKey: key, createdAt: nowMs })
      .returning({ accountNo: accounts.accountNo })
      .get();
    const vault = tx
      .insert(vaults)
      .values({ vaultId: randomBytes(16).toString('hex'), publicKey: key, headHash: key, createdAt: nowMs })
      .returning({ vaultNo: vaults.vaultNo })
      .get();
    tx.insert(members)
      .values({ ...account, ...vault, createdAt: nowMs })
      .run();
    insertSession(tx, {
      sessionId: randomBytes(16).toString('hex'),
      accountNo: account.accountNo,
      secretHash: sha256(secret),
      label: 'test',
      createdAt: nowMs,
      expiresAt: nowMs + 24 * 60 * 60 * 1000,
    });
    return { accountNo: account.accountNo, accountId, authorization: `Bearer ${toBase64(secret)}` };
  });
}
