// POST /v1/challenges (docs/proof-of-work.md, "createChallenge").
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { floorPrices } from '../../../src/daemon/prices.js';
import { toBase64 } from '../../../src/protocol/bytes.js';
import { endpoints } from '../../../src/protocol/endpoints.js';
import { parseCreateChallengeResponse } from '../../../src/protocol/messages.js';
import { challengeBinding } from '../../../src/protocol/proof-of-work.js';
import { createPowApp, type PowApp } from '../../helpers/pow-app.js';

const { path } = endpoints.createChallenge;
const nowMs = 1_800_000_000_000;
const binding = toBase64(challengeBinding('register', 'anna'));
let app: PowApp;

beforeAll(async () => {
  app = await createPowApp(floorPrices(), () => nowMs);
});

afterAll(() => {
  app.database.close();
});

describe('createChallenge', () => {
  it('answers a caller with the price of an upload or a query', async () => {
    for (const purpose of ['upload', 'query']) {
      const { status, body } = await app.post(path, { purpose }, app.anna.authorization);
      expect(status).toBe(200);
      const challenge = parseCreateChallengeResponse(body);
      expect(challenge).toMatchObject({ puzzles: 16, effort256: 256, expectedAttempts: 8 });
      expect(challenge.expiresAt).toBe(new Date(nowMs + 120_000).toISOString());
    }
  });

  it('answers anybody with the price of a registration or a login', async () => {
    const register = await app.post(path, { purpose: 'register', binding });
    expect(parseCreateChallengeResponse(register.body)).toMatchObject({ puzzles: 16, expectedAttempts: 512 });
    const login = await app.post(path, { purpose: 'login', binding });
    expect(parseCreateChallengeResponse(login.body)).toMatchObject({ puzzles: 8, expectedAttempts: 8 });
  });

  it.each([
    ['an upload challenge without a session', { purpose: 'upload' }, 401, 'unauthenticated'],
    ['a registration challenge without a binding', { purpose: 'register' }, 400, 'malformed'],
    ['a login challenge with a short binding', { purpose: 'login', binding: 'AAAA' }, 400, 'malformed'],
    ['an unknown purpose', { purpose: 'download' }, 400, 'malformed'],
    ['an unknown field', { purpose: 'login', binding, budget: 5 }, 400, 'malformed'],
    ['a body of more than a kibibyte', { purpose: 'x'.repeat(1024) }, 413, 'too-large'],
  ])('refuses %s', async (_, request, status, code) => {
    expect(await app.post(path, request)).toMatchObject({ status, body: { error: { code } } });
  });

  it('refuses a binding where the caller is known', async () => {
    const answer = await app.post(path, { purpose: 'upload', binding }, app.anna.authorization);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
  });
});
