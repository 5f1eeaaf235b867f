// POST /v1/grants (docs/proof-of-work.md, "createGrant").
import type { Context, Hono } from 'hono';
import { endpoints, ticketHeader } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { type CreateGrantResponse, type Proof, parseCreateGrantRequest } from '../../protocol/messages.js';
import type { Admission } from '../admission/admission.js';
import { bearerSecretOf } from '../authenticate.js';
import type { Authorize } from '../authorize.js';
import { type ClientNetwork, goneOf } from '../client-network.js';
import type { Database } from '../db/connection.js';
import { createGrant } from '../db/grants.js';
import { recordPaidGrant } from '../db/standings.js';
import { readJson } from '../request-body.js';
import type { WorkMeter } from '../work-meter.js';

/** A proof: a token and at most 64 records. */
const bodyBytesMax = 4096;

interface CreateGrantParts {
  readonly authorize: Authorize;
  readonly admission: Admission;
  readonly clientNetwork: ClientNetwork;
  readonly database: Database;
  readonly meter: WorkMeter;
  readonly now: () => number;
}

/** A solved upload or query challenge becomes a grant of its caller. */
export function createGrantRoute(app: Hono, parts: CreateGrantParts): void {
  const { authorize, admission, clientNetwork, database, meter, now } = parts;
  app.post(endpoints.createGrant.path, async (c) => {
    admission.turnAway(c.req.header(ticketHeader));
    const proof = await readProof(c, parts);
    const { accountId, accountNo, token } = authorize(c, 'push');
    const network = clientNetwork(c);
    // The token says for itself which of the two purposes it has, and in which tier it was made.
    const caller = { account: accountId, token: token?.tokenId };
    const application = { purpose: 'upload', tier: 'new', ...caller, network, isGone: goneOf(c) } as const;
    const { purpose, budget } = await admission.admit(proof, application);
    const nowMs = now();
    const grant = meter.onLoop(() =>
      database.transaction((tx) => {
        recordPaidGrant(tx, accountNo, nowMs);
        return createGrant(tx, { accountNo, purpose, budget, nowMs });
      }),
    );
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

/**
 * Cheapest first: a token that is not ours is refused without asking the database who sent it. What else is wrong with a
 * body is told to known callers alone.
 */
async function readProof(c: Context, { admission, authorize }: CreateGrantParts): Promise<Proof> {
  if (bearerSecretOf(c) === undefined) authorize(c, 'push');
  try {
    const { proof } = parseCreateGrantRequest(await readJson(c, bodyBytesMax));
    admission.screen(proof);
    return proof;
  } catch (error) {
    if (!(error instanceof ProtocolError && error.code === 'challenge-invalid')) authorize(c, 'push');
    throw error;
  }
}
