// Several daemons on one data directory (docs/operating.md, "Running it"): a challenge is redeemed once among them, also over
// a restart, and never at a daemon that keeps to itself.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CreateChallengeResponse } from '../../src/protocol/messages.js';
import { encodeSolutions } from '../../src/protocol/proof-of-work.js';
import { credentialOf } from '../helpers/daemon-api.js';
import { Daemon, Machine, removeTempDirs } from '../helpers/programs.js';
import { findSolutions } from '../helpers/proof-of-work.js';

const daemons: Daemon[] = [];
let authorization: string;

async function start(dataDir?: string, replay = 'shared'): Promise<Daemon> {
  const options = { pow: 'floor', args: ['--replay', replay] } as const;
  const daemon = await Daemon.start(dataDir === undefined ? options : { ...options, dataDir });
  daemons.push(daemon);
  return daemon;
}

function post(daemon: Daemon, path: string, body: unknown): Promise<Response> {
  const headers = { authorization, 'content-type': 'application/json' };
  return fetch(new URL(path, daemon.url), { method: 'POST', headers, body: JSON.stringify(body) });
}

async function solved(daemon: Daemon): Promise<unknown> {
  const answer = await post(daemon, '/v1/challenges', { purpose: 'query' });
  const challenge = (await answer.json()) as CreateChallengeResponse;
  return { proof: { token: challenge.token, solutions: encodeSolutions(findSolutions(challenge)) } };
}

/** The statuses and codes of all answers, and how often each came. */
async function outcomes(answers: readonly Promise<Response>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of await Promise.all(answers)) {
    const body = (await answer.json()) as { error?: { code: string } };
    const key = body.error?.code ?? String(answer.status);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

beforeAll(async () => {
  const first = await start();
  await start(first.dataDir);
  await start(first.dataDir);
  const anna = new Machine({ JAYCLOUD_SERVER: first.url, JAYCLOUD_PASSWORD: 'pass of anna' });
  await anna.summary(['register', 'anna']);
  authorization = `Bearer ${credentialOf(anna).sessionSecret}`;
});

afterAll(async () => {
  for (const daemon of daemons) await daemon.stop();
  removeTempDirs();
});

describe('daemons that share a data directory', () => {
  test('give one grant for a proof that is sent to all of them hundreds of times at once', async () => {
    const [a, b, c] = daemons as [Daemon, Daemon, Daemon];
    for (const issuer of [a, b]) {
      const body = await solved(issuer);
      const answers = Array.from({ length: 300 }, (_, i) => post([a, b, c][i % 3] as Daemon, '/v1/grants', body));
      expect(await outcomes(answers)).toEqual({ 200: 1, 'challenge-spent': 299 });
    }
  });

  test('know what was spent before a restart, and take what was not', async () => {
    const [a, b] = daemons as [Daemon, Daemon];
    const [spent, open] = [await solved(a), await solved(a)];
    expect(await outcomes([post(a, '/v1/grants', spent)])).toEqual({ 200: 1 });
    await a.stop('SIGKILL');
    const restarted = await start(b.dataDir);
    expect(await outcomes([post(restarted, '/v1/grants', spent)])).toEqual({ 'challenge-spent': 1 });
    expect(await outcomes([post(restarted, '/v1/grants', open)])).toEqual({ 200: 1 });
    expect(await outcomes([post(b, '/v1/grants', open)])).toEqual({ 'challenge-spent': 1 });
  });

  test('that keep to themselves take no proof of another one, nor of the run before', async () => {
    const [, b] = daemons as [Daemon, Daemon];
    const [first, second] = [await start(b.dataDir, 'local'), await start(b.dataDir, 'local')];
    const body = await solved(first);
    expect(await outcomes([post(second, '/v1/grants', body)])).toEqual({ 'challenge-expired': 1 });
    expect(await outcomes([post(first, '/v1/grants', body), post(first, '/v1/grants', body)])).toEqual({
      200: 1,
      'challenge-spent': 1,
    });
    const late = await solved(first);
    await first.stop('SIGKILL');
    const restarted = await start(b.dataDir, 'local');
    expect(await outcomes([post(restarted, '/v1/grants', late)])).toEqual({ 'challenge-expired': 1 });
  });
});
