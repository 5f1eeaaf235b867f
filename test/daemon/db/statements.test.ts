// What a request costs the database, counted: statements of the paths that every push takes are made once, not each time.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findSoundBlobs } from '../../../src/daemon/db/blobs.js';
import { openDatabase } from '../../../src/daemon/db/connection.js';
import { spendGrant } from '../../../src/daemon/db/grants.js';
import { grants } from '../../../src/daemon/db/schema.js';
import { leafBlob, nodeBlob } from '../../helpers/blobs.js';
import {
  anyGrant,
  claim,
  openTestDaemon,
  put,
  query,
  type TestCaller,
  type TestDaemon,
} from '../../helpers/daemon-fixture.js';

let daemon: TestDaemon;
let ann: TestCaller;
let bob: TestCaller;

beforeEach(async () => {
  daemon = await openTestDaemon({ spendGrant, isGuessingLimited: true });
  ann = daemon.addCaller('ann');
  bob = daemon.addCaller('bob');
});

afterEach(() => daemon.close());

/** The one grant of the fixture goes from hand to hand. */
function grantTo({ accountNo }: TestCaller): void {
  const left = { bytesLeft: 2 ** 40, blobsLeft: 2 ** 30, idsLeft: 2 ** 30 };
  const row = { grantId: anyGrant, accountNo, purpose: 'upload', ...left, expiresAt: daemon.clock.nowMs + 60_000 };
  daemon.services.database.orm
    .insert(grants)
    .values(row)
    .onConflictDoUpdate({ target: grants.grantId, set: row })
    .run();
}

/** The driver behind drizzle. */
type Client = { prepare: (source: string) => unknown };

async function pushOnce(): Promise<void> {
  grantTo(ann);
  const leaves = [leafBlob(), leafBlob()];
  const blobs = [...leaves, nodeBlob(leaves)];
  expect((await query(daemon.app, ann, blobs)).states).toBe('mmm');
  expect(await put(daemon.app, ann, blobs)).toBe('sss');
  expect(await put(daemon.app, ann, blobs)).toBe('eee');
  expect((await query(daemon.app, ann, blobs)).states).toBe('ooo');
  grantTo(bob);
  expect((await query(daemon.app, bob, blobs)).states).toBe('ccc');
}

describe('statements', () => {
  test('of queries and uploads are prepared once', async () => {
    await pushOnce();
    const { $client } = daemon.services.database.orm as unknown as { $client: Client };
    const prepare = vi.spyOn($client, 'prepare');
    await pushOnce();
    const made = prepare.mock.calls.map(([source]) => source).filter((source) => !/insert into "grants"/.test(source));
    expect(made).toEqual([]);
  });

  test('look ids up by indexes alone: no row of a blob is read to say whether it is there', async () => {
    await pushOnce();
    const { $client } = daemon.services.database.orm as unknown as { $client: Client };
    // Prepared for this connection already: its text is taken from a second one.
    const second = await openDatabase(join(daemon.dataDir, 'jaycloud.db'));
    try {
      const other = (second.orm as unknown as { $client: Client }).$client;
      const prepare = vi.spyOn(other, 'prepare');
      findSoundBlobs(second.orm, 1, new Uint8Array(64));
      const source = String(prepare.mock.calls[0]?.[0]);
      const explained = $client.prepare(`explain query plan ${source}`) as {
        all: (...values: unknown[]) => { detail: string }[];
      };
      const values = Array.from({ length: source.split('?').length - 1 }, () => '[]');
      const plan = explained.all(...values).map(({ detail }) => detail);
      expect(plan.filter((detail) => /^(SEARCH|SCAN) "?blobs/.test(detail))).toEqual([
        expect.stringContaining('USING COVERING INDEX blobs_by_id'),
      ]);
      expect(plan.filter((detail) => /^SEARCH (d|ownerships)/.test(detail))).not.toHaveLength(0);
      for (const detail of plan.filter((line) => line.includes(' d '))) expect(detail).toContain('blobs_damaged');
    } finally {
      second.close();
    }
  });

  test('a damaged blob is left out, and only that one', async () => {
    grantTo(ann);
    const [first, second, third] = [leafBlob(), leafBlob(), leafBlob()];
    await put(daemon.app, ann, [first, second, third]);
    daemon.services.database.orm.run(sql`update blobs set damaged = 1 where blob_id = ${Buffer.from(second.id)}`);
    expect((await query(daemon.app, ann, [third, second, first, third])).states).toBe('omoo');
    grantTo(bob);
    expect(await claim(daemon.app, bob, [first, second])).toBe('om');
  });
});

describe('a mapped database', () => {
  test.runIf(process.platform === 'linux')('is mapped where that was asked for, and not otherwise', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jaycloud-mapped-'));
    try {
      for (const isMapped of [true, false]) {
        const database = await openDatabase(join(folder, 'jaycloud.db'), { isMapped });
        const mapped = database.orm.get<{ mmap_size: number }>(sql`pragma mmap_size`);
        expect(mapped.mmap_size > 0).toBe(isMapped);
        database.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
