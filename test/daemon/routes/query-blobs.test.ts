// queryBlobs (docs/protocol.md): owned, claimable, missing; who pays; what it renews.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobs as blobRows, ownerships } from '../../../src/daemon/db/schema.js';
import { toBase64 } from '../../../src/protocol/bytes.js';
import { ProtocolError } from '../../../src/protocol/errors.js';
import { possessionTtlMs, queryIdsMax } from '../../../src/protocol/limits.js';
import { parseQueryBlobsResponse } from '../../../src/protocol/messages.js';
import { idsOf, leafBlob } from '../../helpers/blobs.js';
import {
  anyGrant,
  errorOf,
  openTestDaemon,
  put,
  query,
  sendJson,
  type TestCaller,
  type TestDaemon,
} from '../../helpers/daemon-fixture.js';

const dayMs = 24 * 60 * 60 * 1000;

let daemon: TestDaemon;
let ann: TestCaller;
let bob: TestCaller;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ann = daemon.addCaller('ann');
  bob = daemon.addCaller('bob');
});

afterEach(() => daemon.close());

describe('queryBlobs', () => {
  test('tells owned, claimable and missing blobs apart, in the order asked', async () => {
    const [mine, theirs, nobodys] = [leafBlob(), leafBlob(), leafBlob()];
    await put(daemon.app, ann, [mine]);
    await put(daemon.app, bob, [theirs]);
    const answer = await query(daemon.app, ann, [nobodys, theirs, mine, theirs, nobodys]);
    expect(answer.states).toBe('mcocm');
    expect(Date.parse(answer.expiresAt)).toBe(daemon.clock.nowMs + possessionTtlMs);
    expect((await query(daemon.app, ann, [])).states).toBe('');
  });

  test('takes as many ids as the limit, and not one more', async () => {
    const mine = leafBlob();
    await put(daemon.app, ann, [mine]);
    const run = Buffer.concat([Buffer.alloc(32 * (queryIdsMax - 1)), mine.id]);
    const full = await sendJson(daemon.app, ann, '/v1/blobs/query', { grant: anyGrant, ids: toBase64(run) });
    expect(parseQueryBlobsResponse(await full.json()).states).toBe(`${'m'.repeat(queryIdsMax - 1)}o`);
    const over = Buffer.concat([run, mine.id]);
    const refused = await sendJson(daemon.app, ann, '/v1/blobs/query', { grant: anyGrant, ids: toBase64(over) });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(await errorOf(refused)).toMatch(/too-large|malformed/);
  });

  test('ids that are no runs of 32 bytes are malformed', async () => {
    const run = toBase64(new Uint8Array(96));
    for (const ids of [
      'AA',
      toBase64(new Uint8Array(33)),
      '!',
      `${run}=`,
      `${run.slice(1)}+`,
      `${run.slice(1)}é`,
      7,
      null,
    ]) {
      const answer = await sendJson(daemon.app, ann, '/v1/blobs/query', { grant: anyGrant, ids });
      expect(await errorOf(answer)).toBe('400 malformed');
    }
  });

  test('pays for every id, and a refused grant answers nothing', async () => {
    const paid: number[] = [];
    const poor = await openTestDaemon({
      spendGrant: (_, { grantId, cost }) => {
        if (grantId !== anyGrant) throw new ProtocolError('grant-invalid', 'unknown');
        paid.push(cost.ids);
      },
    });
    const eve = poor.addCaller('eve');
    await query(poor.app, eve, [leafBlob(), leafBlob()]);
    expect(paid).toEqual([2]);
    const body = { grant: 'f'.repeat(32), ids: toBase64(idsOf([leafBlob()])) };
    expect(await errorOf(await sendJson(poor.app, eve, '/v1/blobs/query', body))).toBe('403 grant-invalid');
    await poor.close();
  });

  test('renews an ownership once it is older than a day', async () => {
    const mine = leafBlob();
    await put(daemon.app, ann, [mine]);
    const renewedAt = (): number | undefined =>
      daemon.services.database.orm.select().from(ownerships).all()[0]?.renewedAt;
    const stored = daemon.clock.nowMs;
    daemon.clock.nowMs += dayMs;
    await query(daemon.app, ann, [mine]);
    expect(renewedAt()).toBe(stored);
    daemon.clock.nowMs += 1;
    await query(daemon.app, ann, [mine]);
    expect(renewedAt()).toBe(daemon.clock.nowMs);
  });

  test('a damaged blob counts as missing, for its owner too', async () => {
    const blob = leafBlob();
    await put(daemon.app, ann, [blob]);
    daemon.services.database.orm.update(blobRows).set({ damaged: true }).run();
    expect((await query(daemon.app, ann, [blob])).states).toBe('m');
    expect((await query(daemon.app, bob, [blob])).states).toBe('m');
  });
});
