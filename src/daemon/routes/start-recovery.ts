// startRecovery: a challenge for whoever has the recovery key of an account, paid like a login. It is the same for an
// account that does not exist.
import type { Hono } from 'hono';
import { parseStartRecoveryRequest, type StartRecoveryResponse } from '../../protocol/account-messages.js';
import { endpoints } from '../../protocol/endpoints.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { challengeBinding } from '../../protocol/proof-of-work.js';
import type { Challenges } from '../challenges.js';
import type { Recoveries } from '../recoveries.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly challenges: Challenges;
  readonly recoveries: Recoveries;
}

export function startRecoveryRoute(app: Hono, { challenges, recoveries }: Needs): void {
  app.post(endpoints.startRecovery.path, async (c) => {
    const { account, proof } = parseStartRecoveryRequest(await readJson(c, jsonBytesMax));
    challenges.redeem(proof, { purposes: ['login'], binding: challengeBinding('login', account) });
    const response: StartRecoveryResponse = recoveries.start(account);
    return c.json(response);
  });
}
