// POST /v1/grants (docs/proof-of-work.md, "createGrant").
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import { type CreateGrantResponse, parseCreateGrantRequest } from '../../protocol/messages.js';
import type { Authorize } from '../authorize.js';
import type { Challenges } from '../challenges.js';
import type { Database } from '../db/connection.js';
import { createGrant } from '../db/grants.js';
import { readJson } from '../request-body.js';

/** A proof: a token and at most 64 records. */
const bodyBytesMax = 4096;

interface CreateGrantParts {
  readonly authorize: Authorize;
  readonly challenges: Challenges;
  readonly database: Database;
  readonly now: () => number;
}

/** A solved upload or query challenge becomes a grant of its caller. */
export function createGrantRoute(app: Hono, { authorize, challenges, database, now }: CreateGrantParts): void {
  app.post(endpoints.createGrant.path, async (c) => {
    const caller = authorize(c, 'push');
    const { proof } = parseCreateGrantRequest(await readJson(c, bodyBytesMax));
    const { purpose, budget } = challenges.redeem(proof, {
      purposes: ['upload', 'query'],
      accountId: caller.accountId,
    });
    const grant = createGrant(database.orm, { accountNo: caller.accountNo, purpose, budget, nowMs: now() });
    const response: CreateGrantResponse = {
      grant: grant.grantId,
      purpose,
      bytes: grant.bytesLeft,
      blobs: grant.blobsLeft,
      ids: grant.idsLeft,
      expiresAt: new Date(grant.expiresAt).toISOString(),
    };
    return c.json(response);
  });
}
