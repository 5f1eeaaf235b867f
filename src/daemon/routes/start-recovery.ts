// startRecovery: a challenge for whoever has the recovery key of an account, paid like a login. It is the same for an
// account that does not exist.
import type { Hono } from 'hono';
import { parseStartRecoveryRequest, type StartRecoveryResponse } from '../../protocol/account-messages.js';
import { endpoints, ticketHeader } from '../../protocol/endpoints.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import type { Admission } from '../admission/admission.js';
import { loginOf } from '../admission/surcharges.js';
import { type ClientNetwork, goneOf } from '../client-network.js';
import type { Recoveries } from '../recoveries.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly admission: Admission;
  readonly clientNetwork: ClientNetwork;
  readonly recoveries: Recoveries;
}

export function startRecoveryRoute(app: Hono, { admission, clientNetwork, recoveries }: Needs): void {
  app.post(endpoints.startRecovery.path, async (c) => {
    admission.turnAway(c.req.header(ticketHeader));
    const { account, proof } = parseStartRecoveryRequest(await readJson(c, jsonBytesMax));
    await admission.admit(proof, { ...loginOf(account, clientNetwork(c)), isGone: goneOf(c) });
    const response: StartRecoveryResponse = recoveries.start(account);
    return c.json(response);
  });
}
