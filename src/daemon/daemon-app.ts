// Puts the whole daemon together: storage routes, accounts, admission. The program and the embedded default both start here.
import type { Hono } from 'hono';
import { createApp } from './app.js';
import { createChallenges } from './challenges.js';
import { spendGrant } from './db/grants.js';
import { createOpaqueServer } from './opaque-server.js';
import type { PriceSource } from './prices.js';
import { createAccountRoute } from './routes/create-account.js';
import { createChallengeRoute } from './routes/create-challenge.js';
import { createGrantRoute } from './routes/create-grant.js';
import { createSessionRoute } from './routes/create-session.js';
import { endSessionRoute } from './routes/end-session.js';
import { getAccountRoute } from './routes/get-account.js';
import { listTokensRoute } from './routes/list-tokens.js';
import { startLoginRoute } from './routes/start-login.js';
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
        endSessionRoute(app, needs);
        listTokensRoute(app, needs);
      },
    ],
  });
}
