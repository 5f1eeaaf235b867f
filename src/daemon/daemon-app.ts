// Puts the whole daemon together: storage routes, accounts, admission. The program and the embedded default both start here.
import type { Hono } from 'hono';
import { ProtocolError } from '../protocol/errors.js';
import { createApp } from './app.js';
import type { Services } from './services.js';

/** Fails closed: without admission nothing is let in. */
export function createDaemonApp(services: Services): Hono {
  return createApp({
    ...services,
    spendGrant: () => {
      throw new ProtocolError('unavailable', 'this daemon has no admission');
    },
    mountRoutes: [],
  });
}
