// POST /v1/grants (docs/proof-of-work.md, "createGrant").
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Price } from '../../../src/daemon/admission/prices.js';
import { spendGrant } from '../../../src/daemon/db/grants.js';
import { toBase64 } from '../../../src/protocol/bytes.js';
import { endpoints } from '../../../src/protocol/endpoints.js';
import { grantBudgets, grantTtlMs } from '../../../src/protocol/limits.js';
import {
  type CreateChallengeRequest,
  type Proof,
  parseCreateChallengeResponse,
  parseCreateGrantResponse,
} from '../../../src/protocol/messages.js';
import { challengeBinding, encodeSolutions } from '../../../src/protocol/proof-of-work.js';
import { createPowApp, type PowApp } from '../../helpers/pow-app.js';
import { findSolutions } from '../../helpers/proof-of-work.js';

const { path } = endpoints.createGrant;
const nowMs = 1_800_000_000_000;
const cheap = (): Price => ({ puzzles: 2, effort256: 256, floorAttempts: 1 });
let app: PowApp;

beforeAll(async () => {
  app = await createPowApp(cheap, () => nowMs);
});

afterAll(() => {
  app.database.close();
});

async function solvedFor(request: CreateChallengeRequest): Promise<Proof> {
  const answer = await app.post(endpoints.createChallenge.path, request, app.anna.authorization);
  const challenge = parseCreateChallengeResponse(answer.body);
  return { token: challenge.token, solutions: encodeSolutions(findSolutions(challenge)) };
}

describe('createGrant', () => {
  it('turns a solved challenge into a grant that its caller can spend', async () => {
    const proof = await solvedFor({ purpose: 'upload' });
    const { status, body } = await app.post(path, { proof }, app.anna.authorization);
    expect(status).toBe(200);
    const grant = parseCreateGrantResponse(body);
    const expiresAt = new Date(nowMs + grantTtlMs).toISOString();
    expect(grant).toEqual({ grant: grant.grant, purpose: 'upload', ...grantBudgets.upload, expiresAt });
    const cost = { bytes: 1, blobs: 1, ids: 0 };
    const spending = { accountNo: app.anna.accountNo, grantId: grant.grant, cost, nowMs };
    expect(() => {
      spendGrant(app.database.orm, spending);
    }).not.toThrow();
  });

  it('gives one grant for one challenge, however many ask at once', async () => {
    const proof = await solvedFor({ purpose: 'query' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => app.post(path, { proof }, app.anna.authorization)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expect(answer).toMatchObject({ status: 403, body: { error: { code: 'challenge-spent' } } });
    }
  });

  it('refuses the challenge of another account', async () => {
    const proof = await solvedFor({ purpose: 'upload' });
    const answer = await app.post(path, { proof }, app.bert.authorization);
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'challenge-invalid' } } });
  });

  it('refuses a login challenge', async () => {
    const proof = await solvedFor({ purpose: 'login', binding: toBase64(challengeBinding('login', 'anna')) });
    const answer = await app.post(path, { proof }, app.anna.authorization);
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'challenge-invalid' } } });
  });

  it('refuses a caller without a session and leaves the challenge alone', async () => {
    const proof = await solvedFor({ purpose: 'upload' });
    expect(await app.post(path, { proof })).toMatchObject({
      status: 401,
      body: { error: { code: 'unauthenticated' } },
    });
    expect(await app.post(path, { proof }, app.anna.authorization)).toMatchObject({ status: 200 });
  });

  it('refuses a challenge without its solutions', async () => {
    const { token } = await solvedFor({ purpose: 'upload' });
    const answer = await app.post(path, { proof: { token, solutions: '' } }, app.anna.authorization);
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'proof-insufficient' } } });
  });

  it('refuses a body of another shape and one that is too long', async () => {
    const { token } = await solvedFor({ purpose: 'upload' });
    const shapeless = await app.post(path, { proof: { token } }, app.anna.authorization);
    expect(shapeless).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
    const long = await app.post(path, { proof: { token, solutions: 'A'.repeat(4096) } }, app.anna.authorization);
    expect(long).toMatchObject({ status: 413, body: { error: { code: 'too-large' } } });
  });
});
