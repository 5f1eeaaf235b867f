// Puts the whole daemon together: storage routes, accounts, admission. The program and the embedded default both start here.
import type { Hono } from 'hono';
import { createApp } from './app.js';
import { createChallenges } from './challenges.js';
import { spendGrant } from './db/grants.js';
import { createOpaqueServer } from './opaque-server.js';
import type { PriceSource } from './prices.js';
import { createRecoveries } from './recoveries.js';
import { changePasswordRoute } from './routes/change-password.js';
import { createAccountRoute } from './routes/create-account.js';
import { createChallengeRoute } from './routes/create-challenge.js';
import { createGrantRoute } from './routes/create-grant.js';
import { createSessionRoute } from './routes/create-session.js';
import { endSessionRoute } from './routes/end-session.js';
import { finishRecoveryRoute } from './routes/finish-recovery.js';
import { getAccountRoute } from './routes/get-account.js';
import { listSessionsRoute } from './routes/list-sessions.js';
import { listTokensRoute } from './routes/list-tokens.js';
import { openRecoveryRoute } from './routes/open-recovery.js';
import { revokeSessionRoute } from './routes/revoke-session.js';
import { rotateKeysRoute } from './routes/rotate-keys.js';
import { startLoginRoute } from './routes/start-login.js';
import { startRecoveryRoute } from './routes/start-recovery.js';
import { startRegistrationRoute } from './routes/start-registration.js';
import { deriveServerKey } from './server-keys.js';
import type { Services } from './services.js';

/** `prices` says what challenges cost. */
export async function createDaemonApp(services: Services, prices: PriceSource): Promise<Hono> {
  const { now } = services;
  const masterKey = deriveServerKey(services.keys, 'challenges');
  const needs = {
    ...services,
    challenges: createChallenges({ masterKey, prices, now }),
    opaque: await createOpaqueServer(services.keys.opaqueServerSetup, now),
    recoveries: createRecoveries(now),
  };
  return createApp({
    ...services,
    spendGrant,
    mountRoutes: [
      (app) => {
        createChallengeRoute(app, needs);
        createGrantRoute(app, needs);
        startRegistrationRoute(app, needs);
        createAccountRoute(app, needs);
        getAccountRoute(app, needs);
        startLoginRoute(app, needs);
        createSessionRoute(app, needs);
        changePasswordRoute(app, needs);
        rotateKeysRoute(app, needs);
        startRecoveryRoute(app, needs);
        openRecoveryRoute(app, needs);
        finishRecoveryRoute(app, needs);
        listSessionsRoute(app, needs);
        // Before `revokeSession`, whose path fits it too.
        endSessionRoute(app, needs);
        listTokensRoute(app, needs);
        revokeSessionRoute(app, needs);
      },
    ],
  });
}
