// Databases that hold many blobs, filled through the daemon's own modules: rows without packs behind them, since what is
// asked about them never reads a pack. Made once, into a folder that later runs use again.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { insertBlobs } from '../../dist/daemon/db/blobs.js';
import { openDatabase } from '../../dist/daemon/db/connection.js';
import { createGrant } from '../../dist/daemon/db/grants.js';
import { addOwnerships } from '../../dist/daemon/db/ownerships.js';
import { insertPack } from '../../dist/daemon/db/packs.js';
import { accounts, members, vaults } from '../../dist/daemon/db/schema.js';
import { insertSession } from '../../dist/daemon/db/sessions.js';
import { setDecision, settleUnanswered } from '../../dist/daemon/db/standings.js';
import { seededRandom } from '../report.js';
import { makeOnce } from '../speed/data.js';

export const vaultCount = 16;
/** Every third pack has a second owner: somebody who claimed what is in it. */
const secondOwnerEvery = 3;
const hourMs = 60 * 60 * 1000;
const recordHeaderBytes = 36;

const sha256 = (text) => createHash('sha256').update(text).digest();

/** The id of blob number `at` of a filled database. Ids are digests, so neighbours in a pack lie far apart in the index. */
export const knownId = (at) => sha256(`jaycloud growth ${at}`);
export const unknownId = (at) => sha256(`jaycloud growth, unknown ${at}`);

/** Blobs of the packs in turn: uploads of a few large files, of many small ones, and all between. */
function packSizes(blobCount) {
  const chance = seededRandom(11);
  const sizes = [];
  for (let left = blobCount; left > 0; left -= sizes.at(-1))
    sizes.push(Math.min(left, Math.floor(8 * 2 ** (8 * chance()))));
  return sizes;
}

/** Vaults push by turns, as the clients of one daemon do. */
const ownersOf = (pack) => {
  const first = pack % vaultCount;
  return pack % secondOwnerEvery === 0 ? [first, (first + 5) % vaultCount] : [first];
};

/** Ranges `[from, to)` of the blobs that each vault owns, by vault. */
export function ownedRanges(blobCount) {
  const ranges = Array.from({ length: vaultCount }, () => []);
  let from = 0;
  for (const [pack, size] of packSizes(blobCount).entries()) {
    for (const owner of ownersOf(pack)) ranges[owner].push([from, from + size]);
    from += size;
  }
  return ranges;
}

function insertVaults(tx, nowMs) {
  return Array.from({ length: vaultCount }, (_, at) => {
    const key = sha256(`key ${at}`);
    const hex = (text) => sha256(`${text} ${at}`).toString('hex').slice(0, 32);
    const { accountNo } = tx
      .insert(accounts)
      .values({
        accountId: hex('account'),
        name: `growth-${at}`,
        identityPublicKey: key,
        recoveryPublicKey: key,
        createdAt: nowMs,
      })
      .returning({ accountNo: accounts.accountNo })
      .get();
    const { vaultNo } = tx
      .insert(vaults)
      .values({ vaultId: hex('vault'), publicKey: key, headHash: Buffer.alloc(32), createdAt: nowMs })
      .returning({ vaultNo: vaults.vaultNo })
      .get();
    tx.insert(members).values({ vaultNo, accountNo, createdAt: nowMs }).run();
    // An account that has been there for a while: what others see of a newcomer is not what is measured.
    setDecision(tx, accountNo, 'established');
    return { accountNo, vaultNo };
  });
}

function insertOnePack(tx, { pack, from, size, owners, nowMs }) {
  let offsetBytes = 8;
  const blobs = Array.from({ length: size }, (_, at) => {
    const lengthBytes = size > 256 ? 1024 + (((from + at) * 37) % 4096) : 700_000 + (((from + at) * 7919) % 700_000);
    const blob = { id: knownId(from + at), offsetBytes: offsetBytes + recordHeaderBytes, lengthBytes };
    offsetBytes += recordHeaderBytes + lengthBytes;
    return blob;
  });
  const packNo = insertPack(tx, sha256(`pack ${pack}`).toString('hex').slice(0, 32), offsetBytes, nowMs);
  const blobNos = [...insertBlobs(tx, packNo, blobs).values()];
  for (const { vaultNo } of owners) {
    const owner = { vaultNo, quotaBytes: null, token: undefined };
    addOwnerships(tx, owner, blobNos, nowMs);
  }
}

/** Makes a data directory with vaults and `blobCount` blobs; keys are made by whoever serves it first. */
export async function fill(dataDir, blobCount) {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const database = await openDatabase(join(dataDir, 'jaycloud.db'));
  // One transaction that stays in memory and is written once; if it fails, the file is made anew.
  database.orm.get(sql`pragma journal_mode = off`);
  database.orm.run(sql`pragma synchronous = off`);
  database.orm.run(sql`pragma cache_spill = off`);
  database.orm.run(sql`pragma cache_size = -4000000`);
  const nowMs = Date.now();
  database.transaction((tx) => {
    const callers = insertVaults(tx, nowMs);
    let from = 0;
    for (const [pack, size] of packSizes(blobCount).entries()) {
      insertOnePack(tx, { pack, from, size, owners: ownersOf(pack).map((at) => callers[at]), nowMs });
      from += size;
    }
  });
  database.close();
}

/** A data directory whose database holds `blobCount` blobs. */
export async function filledDataDir(folder, blobCount, say) {
  const { place } = await makeOnce(folder, `growth-${blobCount}`, say, (made) => fill(made, blobCount));
  return place;
}

/** A session and a grant for each vault: what clients would have logged in and worked for. */
export async function admitCallers(dataDir, idsEach) {
  const database = await openDatabase(join(dataDir, 'jaycloud.db'));
  try {
    const nowMs = Date.now();
    return database.transaction((tx) =>
      tx
        .select()
        .from(members)
        .all()
        .sort((a, b) => a.vaultNo - b.vaultNo)
        .map(({ accountNo }) => {
          const secret = randomBytes(32);
          insertSession(tx, {
            sessionId: randomBytes(16).toString('hex'),
            accountNo,
            secretHash: createHash('sha256').update(secret).digest(),
            label: 'growth',
            createdAt: nowMs,
            expiresAt: nowMs + hourMs,
          });
          // The limit of a day is for those who guess; runs of an hour ago are no concern of this one.
          settleUnanswered(tx, accountNo, 2 ** 40);
          const budget = { bytes: 2 ** 50, blobs: 2 ** 40, ids: idsEach };
          const { grantId } = createGrant(tx, { accountNo, purpose: 'query', budget, nowMs });
          return { secret: secret.toString('base64url'), grantId };
        }),
    );
  } finally {
    database.close();
  }
}
