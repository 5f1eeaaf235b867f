// Testing guesses of other people's content: a limit, and a number of owners before a blob shows (docs/proof-of-work.md,
// "Questions without an answer").
import { afterEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/daemon/authorize.js';
import { findStanding, setDecision } from '../../src/daemon/db/standings.js';
import { Guessing } from '../../src/daemon/guessing.js';
import { toBase64 } from '../../src/protocol/bytes.js';
import { unansweredIdsMax } from '../../src/protocol/limits.js';
import { leafBlob, streamOf } from '../helpers/blobs.js';
import {
  anyGrant,
  claim,
  claimWith,
  errorOf,
  openTestDaemon,
  put,
  putStream,
  query,
  sendJson,
  type TestCaller,
  type TestDaemon,
} from '../helpers/daemon-fixture.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

let daemon: TestDaemon;

afterEach(() => daemon.close());

function unansweredOf(caller: TestCaller): number | undefined {
  return findStanding(daemon.services.database.orm, caller.accountNo, daemon.clock.nowMs)?.unansweredIds;
}

function guess(caller: TestCaller, count: number, seed: number): Promise<Response> {
  const ids = new Uint8Array(32 * count).fill(seed);
  return sendJson(daemon.app, caller, '/v1/blobs/query', { grant: anyGrant, ids: toBase64(ids) });
}

describe('questions without an answer', () => {
  test('are those about blobs that are not owned, until they are claimed or sent', async () => {
    daemon = await openTestDaemon({ isGuessingLimited: true });
    const [ann, bob] = [daemon.addCaller('ann'), daemon.addCaller('bob')];
    const [old, theirs, fresh] = [leafBlob(), leafBlob(), leafBlob()];
    await put(daemon.app, ann, [old]);
    await put(daemon.app, bob, [theirs]);
    expect((await query(daemon.app, ann, [old, theirs, fresh])).states).toBe('ocm');
    expect(unansweredOf(ann)).toBe(2);
    const { nonce } = await query(daemon.app, ann, []);
    await claimWith(daemon.app, ann, nonce, [theirs]);
    expect(unansweredOf(ann)).toBe(1);
    await put(daemon.app, ann, [fresh]);
    expect(unansweredOf(ann)).toBe(0);
    // What is owned already answers nothing, however often it is sent or claimed.
    await guess(ann, 3, 1);
    await put(daemon.app, ann, [fresh, old]);
    await claim(daemon.app, ann, [theirs]);
    expect(unansweredOf(ann)).toBe(3);
    expect(unansweredOf(bob)).toBe(0);
  });

  test('end at the limit of the day, sooner for new accounts, and begin anew the next day', async () => {
    daemon = await openTestDaemon({ isGuessingLimited: true });
    const [ann, bob] = [daemon.addCaller('ann'), daemon.addCaller('bob')];
    setDecision(daemon.services.database.orm, bob.accountNo, 'established');
    for (const [caller, max] of [
      [ann, unansweredIdsMax.new],
      [bob, unansweredIdsMax.established],
    ] as const) {
      for (let asked = 0; asked < max; asked += 4096)
        expect((await guess(caller, 4096, asked / 4096)).status).toBe(200);
      expect(unansweredOf(caller)).toBe(max);
      const over = await guess(caller, 1, 200);
      expect(await errorOf(over)).toBe('429 query-limit');
      expect(unansweredOf(caller)).toBe(max);
      // Its own blobs it may still ask about, and sending settles.
      const mine = leafBlob();
      await put(daemon.app, caller, [mine]);
      expect((await query(daemon.app, caller, [mine])).states).toBe('o');
      expect((await guess(caller, 1, 201)).status).toBe(200);
    }
    daemon.clock.nowMs += 24 * 60 * 60 * 1000;
    expect(unansweredOf(ann)).toBe(0);
    expect((await guess(ann, 4096, 7)).status).toBe(200);
  });

  test('of tokens end at half of that, and leave the rest to whoever logs in', async () => {
    daemon = await openTestDaemon();
    const { accountNo } = daemon.addCaller('ann');
    const guessing = new Guessing({ isLimited: true, threshold: 1, key: new Uint8Array(32) });
    const ask = (ids: number, token?: object) =>
      protocolCodeOf(() => {
        const caller = { accountNo, token } as unknown as Caller;
        daemon.services.database.transaction((tx) => {
          guessing.asked(tx, caller, ids, daemon.clock.nowMs);
        });
      });
    const half = unansweredIdsMax.new / 2;
    expect([ask(half, {}), ask(1, {}), ask(half), ask(1)]).toEqual(['none', 'query-limit', 'none', 'query-limit']);
  });

  test('are not counted where one person has the daemon alone', async () => {
    daemon = await openTestDaemon();
    const ann = daemon.addCaller('ann');
    await guess(ann, 4096, 1);
    expect(unansweredOf(ann)).toBe(0);
  });
});

describe('the dedup threshold', () => {
  test('hides a blob until as many vaults own it as its secret number says, in every answer', async () => {
    daemon = await openTestDaemon({ dedupThreshold: 3 });
    const callers = ['ann', 'bob', 'carl', 'dora'].map((name) => daemon.addCaller(name));
    const guesser = daemon.addCaller('eve');
    const blobs = Array.from({ length: 60 }, () => leafBlob());
    const shown: number[] = [];
    for (const caller of callers) {
      // The states of an upload do not tell either.
      expect(await put(daemon.app, caller, blobs)).toBe('s'.repeat(60));
      const { states } = await query(daemon.app, guesser, blobs);
      shown.push(states.replaceAll('m', '').length);
      // Asking again tells nothing new, nor does claiming what did not show.
      expect((await query(daemon.app, guesser, blobs)).states).toBe(states);
    }
    const [one = 0, two = 0, three, four] = shown;
    // A third of the blobs shows with each owner more: 20 expected with a deviation of 3.7.
    expect(one).toBeGreaterThan(4);
    expect(one).toBeLessThan(36);
    expect(two).toBeGreaterThan(one);
    expect(two).toBeLessThan(60);
    expect([three, four]).toEqual([60, 60]);
  });

  test('gives nothing away by a claim, and never hides what is owned', async () => {
    daemon = await openTestDaemon({ dedupThreshold: 1e9 });
    const [ann, eve] = [daemon.addCaller('ann'), daemon.addCaller('eve')];
    const blobs = Array.from({ length: 20 }, () => leafBlob());
    await put(daemon.app, ann, blobs);
    expect((await query(daemon.app, ann, blobs)).states).toBe('o'.repeat(20));
    const { states, nonce } = await query(daemon.app, eve, blobs);
    const answer = await claimWith(daemon.app, eve, nonce, blobs);
    expect(states).toBe('m'.repeat(20));
    expect(await answer.json()).toEqual({ states });
    // Sending them is as if they were new.
    const sent = await putStream(daemon.app, eve, streamOf(blobs));
    expect(await sent.json()).toEqual({ states: 's'.repeat(20) });
    expect((await query(daemon.app, eve, blobs)).states).toBe('o'.repeat(20));
  });
});
