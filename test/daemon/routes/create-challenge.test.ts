// POST /v1/challenges (docs/proof-of-work.md, "createChallenge").
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { floorPrice } from '../../../src/daemon/admission/admission.js';
import { insertInvite, useInvite } from '../../../src/daemon/db/invites.js';
import { setDecision } from '../../../src/daemon/db/standings.js';
import { sha256 } from '../../../src/protocol/blob-id.js';
import { fromBase64, toBase64 } from '../../../src/protocol/bytes.js';
import { endpoints } from '../../../src/protocol/endpoints.js';
import { parseCreateChallengeResponse } from '../../../src/protocol/messages.js';
import { challengeBinding } from '../../../src/protocol/proof-of-work.js';
import { createPowApp, type PowApp } from '../../helpers/pow-app.js';

const { path } = endpoints.createChallenge;
const nowMs = 1_800_000_000_000;
const invite = toBase64(new Uint8Array(16).fill(9));
const binding = toBase64(challengeBinding('register', 'anna'));
let app: PowApp;

beforeAll(async () => {
  app = await createPowApp(floorPrice, () => nowMs);
});

afterAll(() => {
  app.database.close();
});

describe('createChallenge', () => {
  it('answers a caller with the price of an upload or a query', async () => {
    const floors = { upload: { effort256: 2048, attempts: 64 }, query: { effort256: 1024, attempts: 32 } };
    for (const purpose of ['upload', 'query'] as const) {
      const { status, body } = await app.post(path, { purpose }, app.anna.authorization);
      expect(status).toBe(200);
      const challenge = parseCreateChallengeResponse(body);
      expect(challenge).toMatchObject({
        puzzles: 16,
        effort256: floors[purpose].effort256,
        expectedAttempts: floors[purpose].attempts,
        tier: 'new',
      });
      expect(challenge.expiresAt).toBe(new Date(nowMs + 120_000).toISOString());
    }
  });

  it('answers anybody with the price of a registration or a login', async () => {
    const register = await app.post(path, { purpose: 'register', binding });
    expect(parseCreateChallengeResponse(register.body)).toMatchObject({ puzzles: 16, expectedAttempts: 512 });
    const login = await app.post(path, { purpose: 'login', binding });
    expect(parseCreateChallengeResponse(login.body)).toMatchObject({ puzzles: 16, expectedAttempts: 32 });
  });

  it.each([
    ['an upload challenge without a session', { purpose: 'upload' }, 401, 'unauthenticated'],
    ['a registration challenge without a binding', { purpose: 'register' }, 400, 'malformed'],
    ['a login challenge with a short binding', { purpose: 'login', binding: 'AAAA' }, 400, 'malformed'],
    ['an unknown purpose', { purpose: 'download' }, 400, 'malformed'],
    ['a registration of two at once', { purpose: 'register', binding, units: 2 }, 400, 'malformed'],
    ['a login by invitation', { purpose: 'login', binding, invite }, 400, 'malformed'],
    ['an invitation that never was', { purpose: 'register', binding, invite }, 403, 'invite-invalid'],
    ['an unknown field', { purpose: 'login', binding, budget: 5 }, 400, 'malformed'],
    ['a body of more than a kibibyte', { purpose: 'x'.repeat(1024) }, 413, 'too-large'],
  ])('refuses %s', async (_, request, status, code) => {
    expect(await app.post(path, request)).toMatchObject({ status, body: { error: { code } } });
  });

  it('asks established accounts for less, by record or by the word of the operator', async () => {
    const priceNow = async () => {
      const { body } = await app.post(path, { purpose: 'upload' }, app.anna.authorization);
      const { tier, expectedAttempts } = parseCreateChallengeResponse(body);
      return [tier, expectedAttempts];
    };
    setDecision(app.database.orm, app.anna.accountNo, 'established');
    expect(await priceNow()).toEqual(['established', 8]);
    setDecision(app.database.orm, app.anna.accountNo, 'new');
    expect(await priceNow()).toEqual(['new', 64]);
    setDecision(app.database.orm, app.anna.accountNo, null);
    expect(await priceNow()).toEqual(['new', 64]);
  });

  it('asks for several grants at once in proportion, sixteen at most', async () => {
    const { body } = await app.post(path, { purpose: 'query', units: 16 }, app.anna.authorization);
    expect(parseCreateChallengeResponse(body).expectedAttempts).toBe(16 * 32);
    const more = await app.post(path, { purpose: 'query', units: 17 }, app.anna.authorization);
    expect(more).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
  });

  it('asks whoever has an invitation for less, until it is used or has expired', async () => {
    const secretHash = sha256(fromBase64(invite));
    insertInvite(app.database.orm, secretHash, nowMs, nowMs + 1);
    const { body } = await app.post(path, { purpose: 'register', binding, invite });
    expect(parseCreateChallengeResponse(body)).toMatchObject({ tier: 'established', expectedAttempts: 32 });
    expect(useInvite(app.database.orm, secretHash, nowMs + 1)).toBe(false);
    insertInvite(app.database.orm, secretHash, nowMs, nowMs + 1);
    expect(useInvite(app.database.orm, secretHash, nowMs)).toBe(true);
    expect(useInvite(app.database.orm, secretHash, nowMs)).toBe(false);
  });

  it('refuses a binding where the caller is known', async () => {
    const answer = await app.post(path, { purpose: 'upload', binding }, app.anna.authorization);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
  });
});
