// Challenges are redeemed once: within a daemon, over a restart, over daemons that share a database (docs/proof-of-work.md,
// "Replay").
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePrice } from '../../../src/daemon/admission/prices.js';
import {
  type ChallengeNumber,
  createLocalReplay,
  createSharedReplay,
  type ReplayStore,
} from '../../../src/daemon/admission/replay-store.js';
import { type Database, openDatabase } from '../../../src/daemon/db/connection.js';
import { deleteOldSpentChallenges, isChallengeSpent, spendChallenge } from '../../../src/daemon/db/spent-challenges.js';
import { startChallenges } from '../../helpers/challenges.js';
import { protocolCodeOf } from '../../helpers/protocol-code.js';

const nowS = 1_800_000_000;
const expiresAtS = nowS + 120;
const accountId = '00112233445566778899aabbccddeeff';
const expected = { purposes: ['query'], accountId } as const;
const folders: string[] = [];
const databases: Database[] = [];

afterEach(() => {
  for (const database of databases.splice(0)) database.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'jaycloud-replay-'));
  folders.push(folder);
  return folder;
}

async function openShared(path: string): Promise<ReplayStore> {
  const database = await openDatabase(path);
  databases.push(database);
  return createSharedReplay({
    isSpent: (number) => isChallengeSpent(database.orm, number),
    spend: (number, expiryS) => spendChallenge(database.orm, number, expiryS * 1000),
  });
}

function claimOf(store: ReplayStore, number: ChallengeNumber): string {
  return protocolCodeOf(() => {
    store.claim(number, expiresAtS);
  });
}

describe('the local store', () => {
  it('takes each number once and none of another daemon or another start', () => {
    const store = createLocalReplay();
    const number = store.take(expiresAtS, nowS);
    store.check(number);
    expect([claimOf(store, number), claimOf(store, number)]).toEqual(['none', 'challenge-spent']);
    const restarted = createLocalReplay();
    restarted.take(expiresAtS, nowS);
    expect(claimOf(restarted, number)).toBe('challenge-expired');
  });

  it('forgets nothing that counts when the clock steps back a minute, or ahead', () => {
    let wallS = nowS;
    const challenges = startChallenges({ price: freePrice, now: () => wallS * 1000 });
    const spent = { token: challenges.issue({ purpose: 'query', accountId }).token, solutions: '' };
    challenges.redeem(spent, expected);
    const open = { token: challenges.issue({ purpose: 'query', accountId }).token, solutions: '' };
    wallS -= 60;
    for (let i = 0; i < 5000; i += 1) challenges.issue({ purpose: 'query', accountId });
    expect(protocolCodeOf(() => challenges.redeem(spent, expected))).toBe('challenge-spent');
    wallS += 120;
    for (let i = 0; i < 5000; i += 1) challenges.issue({ purpose: 'query', accountId });
    expect(protocolCodeOf(() => challenges.redeem(spent, expected))).toBe('challenge-spent');
    expect(protocolCodeOf(() => challenges.redeem(open, expected))).toBe('none');
    // Ahead by more than a life, so that the block is freed, and back again.
    wallS += 300;
    for (let i = 0; i < 5000; i += 1) challenges.issue({ purpose: 'query', accountId });
    wallS -= 300;
    expect(protocolCodeOf(() => challenges.redeem(spent, expected))).toBe('challenge-expired');
  });
});

describe('the shared store', () => {
  it('takes a number once over several daemons and over a restart', async () => {
    const path = join(newFolder(), 'jaycloud.db');
    const daemons = await Promise.all([1, 2, 3].map(() => openShared(path)));
    const numbers = daemons.map((daemon) => daemon.take(expiresAtS, nowS));
    for (const [i, number] of numbers.entries()) {
      const codes = daemons.map((_, k) => claimOf(daemons[(i + 1 + k) % 3] as ReplayStore, number));
      expect(codes).toEqual(['none', 'challenge-spent', 'challenge-spent']);
    }
    const restarted = await openShared(path);
    for (const number of numbers) expect(claimOf(restarted, number)).toBe('challenge-spent');
    const open = (daemons[0] as ReplayStore).take(expiresAtS, nowS);
    expect(claimOf(restarted, open)).toBe('none');
  });

  it('redeems at one daemon what another one issued, with the same master key alone', async () => {
    const path = join(newFolder(), 'jaycloud.db');
    const start = async (masterKey: Uint8Array) =>
      startChallenges({ price: freePrice, masterKey, now: () => nowS * 1000, replay: await openShared(path) });
    const [first, second] = [await start(new Uint8Array(32)), await start(new Uint8Array(32))];
    const stranger = await start(new Uint8Array(32).fill(1));
    const proof = { token: first.issue({ purpose: 'query', accountId }).token, solutions: '' };
    expect(protocolCodeOf(() => stranger.redeem(proof, expected))).toBe('challenge-invalid');
    expect(protocolCodeOf(() => second.redeem(proof, expected))).toBe('none');
    expect(protocolCodeOf(() => first.redeem(proof, expected))).toBe('challenge-spent');
  });

  it('gives each of many numbers to one of several processes that all want it at once', async () => {
    const folder = newFolder();
    const path = join(folder, 'jaycloud.db');
    const store = await openShared(path);
    const numbers = Array.from({ length: 400 }, () => store.take(expiresAtS, nowS));
    const dist = new URL('../../../dist/daemon/db/', import.meta.url);
    const script = `
      const { openDatabase } = await import(${JSON.stringify(new URL('connection.js', dist).href)});
      const { spendChallenge } = await import(${JSON.stringify(new URL('spent-challenges.js', dist).href)});
      const database = await openDatabase(${JSON.stringify(path)});
      const numbers = ${JSON.stringify(numbers)};
      const won = numbers.filter((number) => spendChallenge(database.orm, number, ${String(expiresAtS * 1000)}));
      console.log(JSON.stringify(won.map(({ seq }) => seq)));
      database.close();`;
    const winners = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise<number[]>((resolve, reject) => {
            const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
              stdio: ['ignore', 'pipe', 'inherit'],
            });
            let text = '';
            child.stdout.on('data', (part: Buffer) => (text += part.toString()));
            child.on('close', (code) => {
              if (code === 0) resolve(JSON.parse(text) as number[]);
              else reject(new Error(`ended with ${String(code)}`));
            });
          }),
      ),
    );
    expect(winners.flat().sort((a, b) => a - b)).toEqual(numbers.map(({ seq }) => seq));
  });

  it('uses a challenge with a wrong proof up without a row, be it of this daemon or of another', () => {
    const rows: ChallengeNumber[] = [];
    const store = createSharedReplay({ isSpent: () => false, spend: (number) => rows.push(number) > 0 });
    for (const number of [store.take(expiresAtS, nowS), { replica: 7, epoch: 8, seq: 9 }]) {
      store.waste(number);
      const check = protocolCodeOf(() => {
        store.check(number);
      });
      expect([check, claimOf(store, number)]).toEqual(['challenge-spent', 'challenge-spent']);
    }
    expect(rows).toEqual([]);
  });

  it('refuses where the database fails, before and at the claim', async () => {
    const store = createSharedReplay({
      isSpent: () => {
        throw new Error('the disk is gone');
      },
      spend: () => {
        throw new Error('the disk is gone');
      },
    });
    const number = store.take(expiresAtS, nowS);
    expect(
      protocolCodeOf(() => {
        store.check(number);
      }),
    ).toBe('unavailable');
    expect(claimOf(store, number)).toBe('unavailable');
    const closed = await openShared(join(newFolder(), 'jaycloud.db'));
    databases.pop()?.close();
    expect(claimOf(closed, closed.take(expiresAtS, nowS))).toBe('unavailable');
  });

  it('keeps rows for a day after the challenge has expired, so that clocks may differ and step', async () => {
    const path = join(newFolder(), 'jaycloud.db');
    const store = await openShared(path);
    const database = databases[0] as Database;
    const number = store.take(expiresAtS, nowS);
    store.claim(number, expiresAtS);
    const dayMs = 24 * 60 * 60 * 1000;
    deleteOldSpentChallenges(database.orm, expiresAtS * 1000 + dayMs);
    expect(isChallengeSpent(database.orm, number)).toBe(true);
    deleteOldSpentChallenges(database.orm, expiresAtS * 1000 + dayMs + 1);
    expect(isChallengeSpent(database.orm, number)).toBe(false);
  });

  it('counts the work of a challenge once, whoever issued it', async () => {
    const path = join(newFolder(), 'jaycloud.db');
    const [mine, other] = [await openShared(path), await openShared(path)];
    for (const issuer of [mine, other]) {
      const number = issuer.take(expiresAtS, nowS);
      expect([16, 16, 20, 8].map((records) => mine.countNew(number, records))).toEqual([16, 0, 4, 0]);
    }
  });
});
