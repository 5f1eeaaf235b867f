// POST /v1/challenges (docs/proof-of-work.md, "createChallenge").
import type { Hono } from 'hono';
import { fromBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { type CreateChallengeResponse, parseCreateChallengeRequest } from '../../protocol/messages.js';
import type { Authorize } from '../authorize.js';
import type { Challenges } from '../challenges.js';
import { readJson } from '../request-body.js';

/** A request is a purpose and at most a hash. */
const bodyBytesMax = 1024;

interface CreateChallengeParts {
  readonly authorize: Authorize;
  readonly challenges: Challenges;
}

/** Upload and query challenges belong to the caller's account, register and login challenges to a binding. */
export function createChallengeRoute(app: Hono, { authorize, challenges }: CreateChallengeParts): void {
  app.post(endpoints.createChallenge.path, async (c) => {
    const { purpose, binding } = parseCreateChallengeRequest(await readJson(c, bodyBytesMax));
    let response: CreateChallengeResponse;
    if (purpose === 'upload' || purpose === 'query') {
      if (binding !== undefined) throw new ProtocolError('malformed', 'this purpose takes no binding');
      response = challenges.issue({ purpose, accountId: authorize(c, 'push').accountId });
    } else {
      if (binding === undefined) throw new ProtocolError('malformed', 'this purpose needs a binding');
      response = challenges.issue({ purpose, binding: fromBase64(binding) });
    }
    return c.json(response);
  });
}
