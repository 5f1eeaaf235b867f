// A daemon without a socket on a temp folder, with accounts put straight into its tables.
import { type KeyObject, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Hono } from 'hono';
import { type Logger, pino } from 'pino';
import { createApp } from '../../src/daemon/app.js';
import { accounts, members, vaults } from '../../src/daemon/db/schema.js';
import { insertSession } from '../../src/daemon/db/sessions.js';
import { Guessing } from '../../src/daemon/guessing.js';
import { openServices, type Services } from '../../src/daemon/services.js';
import type { SpendGrant } from '../../src/daemon/spend-grant.js';
import { WorkMeter } from '../../src/daemon/work-meter.js';
import { sha256 } from '../../src/protocol/blob-id.js';
import { toBase64, toHex } from '../../src/protocol/bytes.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../../src/protocol/ed25519.js';
import { grantHeader } from '../../src/protocol/endpoints.js';
import {
  type ClaimBlobsResponse,
  parseClaimBlobsResponse,
  parseErrorResponse,
  parsePutBlobsResponse,
  parseQueryBlobsResponse,
  type QueryBlobsResponse,
} from '../../src/protocol/messages.js';
import { possessionProof, possessionSlices } from '../../src/protocol/possession.js';
import { idsOf, streamOf, type TestBlob } from './blobs.js';

export interface TestCaller {
  readonly secretText: string;
  readonly accountNo: number;
  readonly vaultNo: number;
  readonly vaultId: Uint8Array;
  readonly identityKey: KeyObject;
  readonly identityPublicKey: Uint8Array;
  /** 16 bytes: of the session, or of the token that a test made of this caller. */
  readonly entityId: Uint8Array;
}

export interface TestDaemon {
  readonly dataDir: string;
  readonly services: Services;
  readonly app: Hono;
  /** The daemon's clock; tests move it. */
  readonly clock: { nowMs: number };
  addCaller(name: string): TestCaller;
  /** Another session of the same account. */
  addSession(caller: TestCaller): TestCaller;
  close(): Promise<void>;
}

export interface TestDaemonOptions {
  readonly quotaBytes?: number;
  readonly spendGrant?: SpendGrant;
  readonly log?: Logger;
  readonly isGuessingLimited?: boolean;
  readonly dedupThreshold?: number;
}

export const anyGrant = '0123456789abcdef0123456789abcdef';

export async function openTestDaemon(options: TestDaemonOptions = {}): Promise<TestDaemon> {
  const dataDir = await mkdtemp(join(tmpdir(), 'jaycloud-daemon-'));
  const clock = { nowMs: Date.UTC(2030, 0, 1) };
  const log = options.log ?? pino({ level: 'silent' });
  const quotaBytes = options.quotaBytes ?? null;
  const services = await openServices({ dataDir, quotaBytes, log, now: () => clock.nowMs });
  const spendGrant = options.spendGrant ?? (() => undefined);
  const { isGuessingLimited: isLimited = false, dedupThreshold: threshold = 1 } = options;
  const guessing = new Guessing({ isLimited, threshold, key: new Uint8Array(32) });
  const app = createApp({ ...services, spendGrant, guessing, meter: new WorkMeter(), mountRoutes: [] });
  return {
    dataDir,
    services,
    app,
    clock,
    addCaller: (name) => addCaller(services, name),
    addSession: (caller) => addSession(services, caller),
    close: async () => {
      await services.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

function addCaller({ database, now }: Services, name: string): TestCaller {
  const identityKey = ed25519PrivateKey(randomBytes(32));
  const identityPublicKey = ed25519PublicKeyOf(identityKey);
  const vaultId = randomBytes(16);
  const secret = randomBytes(32);
  const entityId = randomBytes(16);
  return database.transaction((tx) => {
    const createdAt = now();
    const { accountNo } = tx
      .insert(accounts)
      .values({
        accountId: toHex(randomBytes(16)),
        name,
        identityPublicKey: Buffer.from(identityPublicKey),
        recoveryPublicKey: randomBytes(32),
        createdAt,
      })
      .returning({ accountNo: accounts.accountNo })
      .get();
    const { vaultNo } = tx
      .insert(vaults)
      .values({ vaultId: toHex(vaultId), publicKey: randomBytes(32), headHash: Buffer.alloc(32), createdAt })
      .returning({ vaultNo: vaults.vaultNo })
      .get();
    tx.insert(members).values({ vaultNo, accountNo, createdAt }).run();
    insertSession(tx, {
      sessionId: toHex(entityId),
      accountNo,
      secretHash: sha256(secret),
      label: 'test',
      createdAt,
      expiresAt: createdAt + 365 * 24 * 60 * 60 * 1000,
    });
    return { secretText: toBase64(secret), accountNo, vaultNo, vaultId, identityKey, identityPublicKey, entityId };
  });
}

function addSession({ database, now }: Services, caller: TestCaller): TestCaller {
  const secret = randomBytes(32);
  const entityId = randomBytes(16);
  const createdAt = now();
  insertSession(database.orm, {
    sessionId: toHex(entityId),
    accountNo: caller.accountNo,
    secretHash: sha256(secret),
    label: 'another',
    createdAt,
    expiresAt: createdAt + 365 * 24 * 60 * 60 * 1000,
  });
  return { ...caller, secretText: toBase64(secret), entityId };
}

export interface TestRequest {
  readonly caller?: TestCaller | undefined;
  readonly body?: Uint8Array | Readable | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as the embedded default makes it: the body beside the request, as a Node stream. */
export async function send(app: Hono, method: string, path: string, sent: TestRequest = {}): Promise<Response> {
  const { caller, body, headers } = sent;
  const request = new Request(`http://daemon.test${path}`, {
    method,
    headers: { ...(caller && { authorization: `Bearer ${caller.secretText}` }), ...headers },
  });
  const incoming = body instanceof Readable ? body : Readable.from(body === undefined ? [] : [body]);
  return app.fetch(request, { incoming });
}

export function sendJson(app: Hono, caller: TestCaller | undefined, path: string, body: unknown): Promise<Response> {
  return send(app, 'POST', path, { caller, body: Buffer.from(JSON.stringify(body)) });
}

/** The error code of an answer; fails where it is no wire error. */
export async function errorOf(response: Response): Promise<string> {
  const { error } = parseErrorResponse(await response.json());
  return `${String(response.status)} ${error.code}`;
}

export function putStream(app: Hono, caller: TestCaller, body: Uint8Array | Readable): Promise<Response> {
  return send(app, 'POST', '/v1/blobs', { caller, body, headers: { [grantHeader]: anyGrant } });
}

/** Uploads and returns the states. */
export async function put(app: Hono, caller: TestCaller, blobs: readonly TestBlob[]): Promise<string> {
  const response = await putStream(app, caller, streamOf(blobs));
  return parsePutBlobsResponse(await response.json()).states;
}

export async function query(app: Hono, caller: TestCaller, blobs: readonly TestBlob[]): Promise<QueryBlobsResponse> {
  const response = await sendJson(app, caller, '/v1/blobs/query', { grant: anyGrant, ids: toBase64(idsOf(blobs)) });
  return parseQueryBlobsResponse(await response.json());
}

/** What a client that has the blob answers to a nonce. */
export function proofOf(nonce: Uint8Array, vaultId: Uint8Array, { id, blob }: TestBlob): Uint8Array<ArrayBuffer> {
  const slices = possessionSlices(nonce, id, blob.length).map(({ offset, length }) =>
    blob.subarray(offset, offset + length),
  );
  return possessionProof(nonce, vaultId, id, Buffer.concat(slices));
}

/** Claims with right proofs and returns the states. */
export async function claim(app: Hono, caller: TestCaller, blobs: readonly TestBlob[]): Promise<string> {
  const { nonce } = await query(app, caller, blobs);
  const response = await claimWith(app, caller, nonce, blobs);
  const answer: ClaimBlobsResponse = parseClaimBlobsResponse(await response.json());
  return answer.states;
}

export function claimWith(
  app: Hono,
  caller: TestCaller,
  nonceText: string,
  blobs: readonly TestBlob[],
): Promise<Response> {
  const nonce = Buffer.from(nonceText, 'base64url');
  const proofs = Buffer.concat(blobs.flatMap((blob) => [blob.id, proofOf(nonce, caller.vaultId, blob)]));
  return sendJson(app, caller, '/v1/blobs/claim', { nonce: nonceText, proofs: toBase64(proofs) });
}

/** Paths of all packs, and of all temp files. */
export async function filesOf(dataDir: string): Promise<{ packs: string[]; temps: string[] }> {
  const names = await readdir(dataDir, { recursive: true });
  return {
    packs: names.filter((name) => name.endsWith('.pack')).map((name) => join(dataDir, name)),
    temps: names.filter((name) => name.endsWith('.tmp')).map((name) => join(dataDir, name)),
  };
}

export function ownedBytesOf({ services }: TestDaemon, caller: TestCaller): number {
  const row = services.database.orm
    .select()
    .from(vaults)
    .all()
    .find(({ vaultNo }) => vaultNo === caller.vaultNo);
  return row?.ownedBytes ?? Number.NaN;
}
