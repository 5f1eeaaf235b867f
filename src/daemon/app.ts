// The daemon as one Hono app (docs/protocol.md): mounts the routes and holds the only error handler. The same app serves
// sockets and the embedded default.
import { type Context, Hono } from 'hono';
import type { Logger } from 'pino';
import { endpoints } from '../protocol/endpoints.js';
import { type ErrorCode, errorStatuses, ProtocolError } from '../protocol/errors.js';
import type { ErrorResponse } from '../protocol/messages.js';
import type { Authorize } from './authorize.js';
import type { Database } from './db/connection.js';
import { GroupCommit } from './group-commit.js';
import type { Guessing } from './guessing.js';
import { LateRefusals } from './late-refusals.js';
import type { LogTurns } from './log-turns.js';
import type { PackReader } from './packs/pack-reader.js';
import { drainBody, guardBody } from './request-body.js';
import { appendLogRoute } from './routes/append-log.js';
import { claimBlobsRoute } from './routes/claim-blobs.js';
import { fetchBlobsRoute } from './routes/fetch-blobs.js';
import { getBlobRoute } from './routes/get-blob.js';
import { getHeadRoute } from './routes/get-head.js';
import { getTokenRoute } from './routes/get-token.js';
import { healthRoute } from './routes/health.js';
import { putBlobsRoute } from './routes/put-blobs.js';
import { queryBlobsRoute } from './routes/query-blobs.js';
import { readLogRoute } from './routes/read-log.js';
import { takeTurnRoute } from './routes/take-turn.js';
import type { SpendGrant } from './spend-grant.js';
import type { WorkMeter } from './work-meter.js';

/** Adds further routes: accounts and sessions, admission. */
export type MountRoutes = (app: Hono) => void;

export interface AppNeeds {
  readonly dataDir: string;
  readonly database: Database;
  readonly packReader: PackReader;
  readonly authorize: Authorize;
  readonly spendGrant: SpendGrant;
  readonly guessing: Guessing;
  readonly meter: WorkMeter;
  readonly logTurns: LogTurns;
  readonly possessionKey: Uint8Array;
  readonly quotaBytes: number | null;
  readonly version: string;
  readonly log: Logger;
  readonly now: () => number;
  /** Told of every refusal. */
  readonly onRefusal?: (code: ErrorCode) => void;
  readonly mountRoutes: readonly MountRoutes[];
}

/** Call with `app.fetch(request, { incoming })`, where `incoming` streams the request's body. */
export function createApp(needs: AppNeeds): Hono {
  const app = new Hono();
  const late = new LateRefusals();
  const groups = new GroupCommit(needs.database, needs.meter);
  app.use(async (c, next) => {
    guardBody(c);
    const startedAt = performance.now();
    await next();
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
    const ms = Math.round(performance.now() - startedAt);
    needs.log.debug({ method: c.req.method, path: c.req.path, status: c.res.status, ms }, 'request');
  });
  app.use(async (c, next) => {
    refuseForeignOrigin(c);
    await next();
  });
  healthRoute(app, needs.version);
  queryBlobsRoute(app, { ...needs, groups });
  claimBlobsRoute(app, { ...needs, groups });
  putBlobsRoute(app, { ...needs, groups });
  fetchBlobsRoute(app, needs);
  getBlobRoute(app, needs);
  appendLogRoute(app, needs);
  readLogRoute(app, needs);
  getHeadRoute(app, needs);
  takeTurnRoute(app, needs);
  getTokenRoute(app, needs);
  for (const mount of needs.mountRoutes) mount(app);
  app.notFound((c) => answerError(c, refusalOfUnknown(c)));
  app.onError(async (error, c) => {
    const wireError = toWireError(error, needs.log);
    needs.onRefusal?.(wireError.code);
    await drainBody(c);
    await late.wait(wireError.code);
    return answerError(c, wireError);
  });
  return app;
}

/** Nothing here is meant for browsers of other sites. There are no cookies to ride on; these are refused all the same. */
function refuseForeignOrigin(c: Context): void {
  const origin = c.req.header('origin');
  const isForeign = origin !== undefined && hostOf(origin) !== new URL(c.req.url).host;
  if (isForeign || c.req.header('sec-fetch-site') === 'cross-site') {
    throw new ProtocolError('foreign-origin', 'requests of other sites are refused');
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** A known path with another method is told apart from an unknown path. */
function refusalOfUnknown(c: Context): ProtocolError {
  const methods = Object.values(endpoints)
    .filter(({ path }) => new RegExp(`^${path.replace(':id', '[^/]+')}$`).test(c.req.path))
    .map(({ method }) => method);
  if (methods.length === 0) return new ProtocolError('not-found', 'no such endpoint');
  c.header('allow', [...new Set(methods)].join(', '));
  return new ProtocolError('method-not-allowed', 'the endpoint has another method');
}

const fullDiskCodes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL']);

/** Only wire errors leave the daemon; of everything else the log gets all and the caller nothing. */
function toWireError(error: Error, log: Logger): ProtocolError {
  if (error instanceof ProtocolError) return error;
  log.error({ err: error }, 'request failed');
  const root = error.cause instanceof Error ? error.cause : error;
  if ('code' in root && fullDiskCodes.has(root.code))
    return new ProtocolError('unavailable', 'the daemon has no space left');
  return new ProtocolError('internal', 'the daemon failed; its log says why');
}

function answerError(c: Context, error: ProtocolError): Response {
  const { code, message, retry } = error;
  const body = { error: { code, message, ...retry } } satisfies ErrorResponse;
  if (retry !== undefined) {
    const seconds = Math.ceil((Date.parse(retry.notBefore) - Date.now()) / 1000);
    c.header('retry-after', String(Math.max(1, seconds)));
  }
  return c.json(body, errorStatuses[error.code]);
}
