// What every run begins with a copy of: a data directory with honest accounts, registered by the real program and promoted
// by the operator's, and rows of attackers; and a home for every honest machine.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../dist/daemon/db/connection.js';
import { accounts, members, vaults } from '../../dist/daemon/db/schema.js';
import { insertSession } from '../../dist/daemon/db/sessions.js';
import { daemonProgram, jaycloud, runProgram, startDaemon } from './programs.js';
import { sha256 } from './tokens.js';
import { changeTree, makeTree } from './trees.js';

export const honestAccounts = 8;

const honestName = (i) => `honest-${i}`;
const dayMs = 24 * 60 * 60 * 1000;

/** Makes `folder/data` and `folder/home-I`, each home with a tree that it has pushed once. */
export async function makeTemplate({ folder, serverKeys, attackers, port, seed, say }) {
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  cpSync(serverKeys, join(dataDir, 'server-keys.json'));
  say('registering honest accounts');
  const daemon = await startDaemon({ dataDir, port, pow: 'off' });
  try {
    for (let i = 0; i < honestAccounts; i += 1) {
      const home = join(folder, `home-${i}`);
      makeTree(join(home, 'tree'), `${seed} ${i}`);
      await jaycloud(home, daemon.url, ['register', honestName(i)]).ended;
      const { exit, output } = await jaycloud(home, daemon.url, ['push', join(home, 'tree'), '--name', 'tree']).ended;
      if (exit !== 0) throw new Error(`the first push ended with ${exit}: ${output}`);
    }
  } finally {
    await daemon.stop();
  }
  for (let i = 0; i < honestAccounts; i += 1) {
    const { exit, output } = await runProgram(daemonProgram, ['user', 'promote', honestName(i), '--data', dataDir])
      .ended;
    if (exit !== 0) throw new Error(`promote ended with ${exit}: ${output}`);
  }
  await insertAttackers(dataDir, attackers);
}

async function insertAttackers(dataDir, attackers) {
  const database = await openDatabase(join(dataDir, 'jaycloud.db'));
  const createdAt = Date.now();
  database.transaction((tx) => {
    for (const { name, secret, accountId } of attackers) {
      const key = sha256(`key ${accountId}`);
      const { accountNo } = tx
        .insert(accounts)
        .values({ accountId, name, identityPublicKey: key, recoveryPublicKey: key, createdAt })
        .returning({ accountNo: accounts.accountNo })
        .get();
      const vaultId = sha256(`vault ${accountId}`).toString('hex').slice(0, 32);
      const { vaultNo } = tx
        .insert(vaults)
        .values({ vaultId, publicKey: key, headHash: Buffer.alloc(32), createdAt })
        .returning({ vaultNo: vaults.vaultNo })
        .get();
      tx.insert(members).values({ vaultNo, accountNo, createdAt }).run();
      insertSession(tx, {
        sessionId: sha256(`session ${accountId}`).toString('hex').slice(0, 32),
        accountNo,
        secretHash: sha256(secret),
        label: 'attack',
        createdAt,
        expiresAt: createdAt + 90 * dayMs,
      });
    }
  });
  database.close();
}

/** A fresh copy for one run: the data directory, and for push `i` a machine of its own with a few files changed. */
export function copyTemplate(template, folder, pushes, seed) {
  cpSync(join(template, 'data'), join(folder, 'data'), { recursive: true });
  const homes = [];
  for (let i = 0; i < pushes; i += 1) {
    const home = join(folder, `push-${i}`);
    cpSync(join(template, `home-${i % honestAccounts}`), home, { recursive: true });
    const newBytes = changeTree(join(home, 'tree'), `${seed} push ${i}`);
    homes.push({ home, newBytes });
  }
  return { dataDir: join(folder, 'data'), homes };
}
