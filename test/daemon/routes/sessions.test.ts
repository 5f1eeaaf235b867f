// GET /v1/sessions and DELETE /v1/sessions/{id} (docs/protocol.md, "listSessions", "revokeSession"), and how long a session lives.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { login } from '../../../src/client/account.js';
import type { Credential } from '../../../src/client/credentials.js';
import { listedSessionsMax } from '../../../src/protocol/limits.js';
import {
  type AccountDaemon,
  openAccountDaemon,
  passwordOf,
  testSolver,
  wireCodeOf,
} from '../../helpers/account-daemon.js';
import { errorOf, send } from '../../helpers/daemon-fixture.js';
import { withDatabase } from '../../helpers/data-dir.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
let daemon: AccountDaemon;

beforeAll(async () => {
  daemon = await openAccountDaemon();
});

afterAll(() => daemon.close());

const loginAs = (account: string, label: string) =>
  login(daemon.api(), { account, password: passwordOf(account), label, solver: testSolver });

const isLive = async (at: AccountDaemon, credential: Credential) =>
  (await wireCodeOf(at.api(credential).getAccount())) === 'none';

describe('listSessions', () => {
  test('lists the live sessions of the account, the one used last first', async () => {
    const { credential } = await daemon.register('ann');
    await daemon.register('stranger');
    const createdAt = new Date(daemon.clock.nowMs).toISOString();
    daemon.clock.nowMs += 1000;
    const second = await loginAs('ann', 'second');
    const { sessions } = await daemon.api(credential).listSessions();
    const later = new Date(daemon.clock.nowMs).toISOString();
    const ttlMs = 90 * dayMs;
    expect(sessions).toEqual([
      {
        id: second.sessionId,
        label: 'second',
        createdAt: later,
        lastUsedAt: later,
        expiresAt: new Date(daemon.clock.nowMs + ttlMs).toISOString(),
        isCurrent: false,
      },
      {
        id: credential.sessionId,
        label: 'first of ann',
        createdAt,
        lastUsedAt: createdAt,
        expiresAt: new Date(daemon.clock.nowMs - 1000 + ttlMs).toISOString(),
        isCurrent: true,
      },
    ]);
    daemon.clock.nowMs += ttlMs - 1500;
    // Now the first has ended, and the second is asking.
    daemon.clock.nowMs += 1000;
    const left = await daemon.api(second).listSessions();
    expect(left.sessions.map(({ id }) => id)).toEqual([second.sessionId]);
  });

  test('notes a use at most once an hour, so that other requests write nothing', async () => {
    const { credential } = await daemon.register('bea');
    const before = daemon.rows()['sessions'];
    daemon.clock.nowMs += hourMs;
    expect(await isLive(daemon, credential)).toBe(true);
    expect(daemon.rows()['sessions']).toEqual(before);
    daemon.clock.nowMs += 1;
    const { sessions } = await daemon.api(credential).listSessions();
    expect(sessions[0]?.lastUsedAt).toBe(new Date(daemon.clock.nowMs).toISOString());
    const noted = daemon.rows()['sessions'];
    expect(noted).not.toEqual(before);
    await daemon.api(credential).listSessions();
    expect(daemon.rows()['sessions']).toEqual(noted);
  });

  test('one answer has no more sessions than its limit', async () => {
    const { credential } = await daemon.register('cleo');
    withDatabase(daemon.dataDir, (database) => {
      const add = database.prepare(
        `insert into sessions select printf('%032x', ?), account_no, randomblob(32), 'x', created_at, expires_at, last_used_at
         from sessions where session_id = ?`,
      );
      database.transaction(() => {
        for (let index = 0; index < listedSessionsMax; index += 1) add.run(index, credential.sessionId);
      })();
    });
    expect((await daemon.api(credential).listSessions()).sessions).toHaveLength(listedSessionsMax);
  });

  test('needs a session', async () => {
    expect(await wireCodeOf(daemon.api().listSessions())).toBe('unauthenticated');
  });
});

describe('revokeSession', () => {
  test('ends a session of the same account, and no other one', async () => {
    const { credential } = await daemon.register('dan');
    const second = await loginAs('dan', 'second');
    const third = await loginAs('dan', 'third');
    await daemon.api(credential).revokeSession(second.sessionId);
    expect(await isLive(daemon, second)).toBe(false);
    expect(await isLive(daemon, third)).toBe(true);
    expect(await isLive(daemon, credential)).toBe(true);
    expect(await wireCodeOf(daemon.api(credential).revokeSession(second.sessionId))).toBe('not-found');
  });

  test('a session of another account looks like none', async () => {
    const { credential: eve } = await daemon.register('eve');
    const { credential: fay } = await daemon.register('fay');
    const asEve = { headers: { authorization: `Bearer ${eve.sessionSecret}` } };
    const [foreign, absent] = await Promise.all(
      [fay.sessionId, '0'.repeat(32)].map((id) => send(daemon.app, 'DELETE', `/v1/sessions/${id}`, asEve)),
    );
    expect(await foreign?.text()).toBe(await absent?.text());
    expect([foreign?.status, absent?.status]).toEqual([404, 404]);
    expect(await isLive(daemon, fay)).toBe(true);
    for (const id of ['x', 'A'.repeat(32), '0'.repeat(31), '0'.repeat(33)]) {
      expect(await errorOf(await send(daemon.app, 'DELETE', `/v1/sessions/${id}`, asEve))).toBe('400 malformed');
    }
    expect(await errorOf(await send(daemon.app, 'DELETE', `/v1/sessions/${'0'.repeat(32)}`))).toBe(
      '401 unauthenticated',
    );
  });

  test('leaves `current` to endSession', async () => {
    const { credential } = await daemon.register('gus');
    await daemon.api(credential).endSession();
    expect(await isLive(daemon, credential)).toBe(false);
  });
});

describe('the life of a session', () => {
  test.each([
    ['90 days', undefined, 90 * dayMs, dayMs],
    ['100 seconds', 100_000, 100_000, 10_000],
    ['20 days', 20 * dayMs, 20 * dayMs, dayMs],
  ])('of %s is renewed by use, and ends without', async (_name, sessionTtlMs, ttlMs, renewAfterMs) => {
    const own = await openAccountDaemon(sessionTtlMs === undefined ? {} : { sessionTtlMs });
    const startMs = own.clock.nowMs;
    const { credential } = await own.register('ann');
    const endOf = async () => Date.parse((await own.api(credential).listSessions()).sessions[0]?.expiresAt ?? '');
    expect(await endOf()).toBe(startMs + ttlMs);
    own.clock.nowMs = startMs + renewAfterMs;
    expect(await endOf()).toBe(startMs + ttlMs);
    own.clock.nowMs += 1;
    expect(await endOf()).toBe(own.clock.nowMs + ttlMs);
    own.clock.nowMs += ttlMs - 1;
    expect(await isLive(own, credential)).toBe(true);
    own.clock.nowMs += ttlMs;
    expect(await isLive(own, credential)).toBe(false);
    await own.close();
  });
});
