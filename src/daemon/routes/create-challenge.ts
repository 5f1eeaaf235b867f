// POST /v1/challenges (docs/proof-of-work.md, "createChallenge").
import type { Context, Hono } from 'hono';
import { sha256 } from '../../protocol/blob-id.js';
import { fromBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { type CreateChallengeRequest, parseCreateChallengeRequest } from '../../protocol/messages.js';
import type { Admission, Application } from '../admission/admission.js';
import type { Authorize } from '../authorize.js';
import type { ClientNetwork } from '../client-network.js';
import type { Database } from '../db/connection.js';
import { isInviteUsable } from '../db/invites.js';
import { findStanding } from '../db/standings.js';
import { readJson } from '../request-body.js';
import { tierOf } from '../tier.js';

/** A request is a purpose and at most a hash and an invitation. */
const bodyBytesMax = 1024;

interface CreateChallengeParts {
  readonly authorize: Authorize;
  readonly admission: Admission;
  readonly clientNetwork: ClientNetwork;
  readonly database: Database;
  readonly now: () => number;
}

/** Upload and query challenges belong to the caller's account, register and login challenges to a binding. */
export function createChallengeRoute(app: Hono, parts: CreateChallengeParts): void {
  app.post(endpoints.createChallenge.path, async (c) => {
    const request = parseCreateChallengeRequest(await readJson(c, bodyBytesMax));
    const isGrant = request.purpose === 'upload' || request.purpose === 'query';
    const application = isGrant ? ofAccount(c, request, parts) : ofStranger(c, request, parts);
    return c.json(parts.admission.issue(application, request.units ?? 1));
  });
}

function ofAccount(c: Context, request: CreateChallengeRequest, parts: CreateChallengeParts): Application {
  const { purpose, binding, invite } = request;
  if (binding !== undefined || invite !== undefined) {
    throw new ProtocolError('malformed', 'this purpose takes no binding and no invitation');
  }
  const { accountNo, accountId, token } = parts.authorize(c, 'push');
  const nowMs = parts.now();
  const standing = findStanding(parts.database.orm, accountNo, nowMs);
  const tier = standing === undefined ? 'new' : tierOf(standing, parts.admission.hasStrike(accountId), nowMs);
  const unansweredIds = standing?.unansweredIds ?? 0;
  const caller = { account: accountId, token: token?.tokenId };
  return { purpose, tier, ...caller, network: parts.clientNetwork(c), unansweredIds };
}

function ofStranger(c: Context, request: CreateChallengeRequest, parts: CreateChallengeParts): Application {
  const { purpose, binding, units, invite } = request;
  if (binding === undefined) throw new ProtocolError('malformed', 'this purpose needs a binding');
  if (units !== undefined) throw new ProtocolError('malformed', 'this purpose comes one at a time');
  if (invite !== undefined && purpose !== 'register')
    throw new ProtocolError('malformed', 'invitations are to register');
  if (invite !== undefined && !isInviteUsable(parts.database.orm, sha256(fromBase64(invite)), parts.now())) {
    throw new ProtocolError('invite-invalid', 'the invitation was used, has expired or never was');
  }
  const tier = invite === undefined ? 'new' : 'established';
  const network = parts.clientNetwork(c);
  return { purpose, tier, account: undefined, network, binding: fromBase64(binding), login: binding };
}
