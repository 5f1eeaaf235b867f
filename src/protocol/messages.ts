// Each request and response: one type, one parse function (docs/protocol.md). Binary fields are URL-safe base64
// without padding, ids 32 lower-case hex digits, times ISO 8601 in UTC.

import { scopes } from './certificate.js';
import * as limits from './limits.js';
import { envelopeBytesMax, logBodyBytesMax, logEntryBytesMax, queryIdsMax, tokenBundleBytesMax } from './limits.js';
import { accountName, base64Of, base64Run, base64Text, entityId, opaqueText, parser, time } from './message-fields.js';
import * as z from './packages/zod.js';

export const purposes = ['register', 'login', 'upload', 'query'] as const;
const purpose = z.enum(purposes);
export type Purpose = z.infer<typeof purpose>;

/** A solved challenge: the token as it was issued and the sub-solutions (docs/proof-of-work.md, "Wire form"). */
export const proof = z.strictObject({ token: base64Text(256), solutions: base64Text(64 * 24) });
export type Proof = z.infer<typeof proof>;

const healthResponse = z.object({ status: z.literal('ok'), protocol: z.literal(1), version: z.string() });
export type HealthResponse = z.infer<typeof healthResponse>;

/** Accounts with a record, and all others. */
export const tiers = ['established', 'new'] as const;
const tier = z.enum(tiers);
export type Tier = z.infer<typeof tier>;

/** An invitation of the operator: the secret behind `jci_`. */
export const inviteText = base64Of(16);

/**
 * `binding`: for register and login SHA-256 of the account name under its label; absent otherwise. `units`: how many
 * standard grants in one, for upload and query. `invite`: for register.
 */
const createChallengeRequest = z.strictObject({
  purpose,
  binding: z.optional(base64Of(32)),
  units: z.optional(z.int().check(z.minimum(1), z.maximum(limits.grantUnitsMax))),
  invite: z.optional(inviteText),
});
export type CreateChallengeRequest = z.infer<typeof createChallengeRequest>;

/**
 * At least `puzzles` sub-solutions are asked for (0 where admission is free), each passing a filter of strength
 * `effort256` / 256; `expectedAttempts` is the mean work.
 */
const createChallengeResponse = z.object({
  token: base64Text(256),
  algorithm: z.literal('eq60'),
  puzzles: z.int().check(z.minimum(0), z.maximum(64)),
  effort256: z.int().check(z.minimum(256), z.maximum(0xffffffff)),
  expectedAttempts: z.number().check(z.minimum(0)),
  tier,
  expiresAt: time,
});
export type CreateChallengeResponse = z.infer<typeof createChallengeResponse>;

const createGrantRequest = z.strictObject({ proof });
export type CreateGrantRequest = z.infer<typeof createGrantRequest>;

const createGrantResponse = z.object({
  grant: entityId,
  purpose,
  bytes: z.int().check(z.minimum(0)),
  blobs: z.int().check(z.minimum(0)),
  ids: z.int().check(z.minimum(0)),
  expiresAt: time,
});
export type CreateGrantResponse = z.infer<typeof createGrantResponse>;

const startRegistrationRequest = z.strictObject({ account: accountName, registrationRequest: opaqueText });
export type StartRegistrationRequest = z.infer<typeof startRegistrationRequest>;

const startRegistrationResponse = z.object({ registrationResponse: opaqueText });
export type StartRegistrationResponse = z.infer<typeof startRegistrationResponse>;

export const envelope = base64Text(envelopeBytesMax);

/** What a new account leaves with the daemon: public keys and envelopes that only the client can open. */
export const accountKeys = z.strictObject({
  identityPublicKey: base64Of(32),
  recoveryPublicKey: base64Of(32),
  passwordEnvelope: envelope,
  recoveryEnvelope: envelope,
  vaultId: entityId,
  vaultPublicKey: base64Of(32),
  vaultEnvelope: envelope,
});

/** Argon2id parameters that a client may choose. */
export const keyStretching = z.strictObject({
  memoryKib: z.int().check(z.minimum(limits.stretchingMemoryKibMin), z.maximum(limits.stretchingMemoryKibMax)),
  iterations: z.int().check(z.minimum(limits.stretchingIterationsMin), z.maximum(limits.stretchingIterationsMax)),
  parallelism: z.int().check(z.minimum(limits.stretchingParallelismMin), z.maximum(limits.stretchingParallelismMax)),
});
export type KeyStretching = z.infer<typeof keyStretching>;

/** What the daemon says of them: any numbers, because it is the client that refuses weak ones. */
const toldKeyStretching = z.object({ memoryKib: z.int(), iterations: z.int(), parallelism: z.int() });

/** Ids of account and vault are chosen by the client, because the envelopes are bound to them. */
const createAccountRequest = z.strictObject({
  account: accountName,
  accountId: entityId,
  registrationRecord: opaqueText,
  keyStretching,
  keys: accountKeys,
  label: z.string().check(z.maxLength(200)),
  invite: z.optional(inviteText),
  proof,
});
export type CreateAccountRequest = z.infer<typeof createAccountRequest>;

export const session = z.object({ id: entityId, secret: base64Of(32), expiresAt: time });
export type Session = z.infer<typeof session>;

const createAccountResponse = z.object({ session });
export type CreateAccountResponse = z.infer<typeof createAccountResponse>;

const startLoginRequest = z.strictObject({ account: accountName, startLoginRequest: opaqueText, proof });
export type StartLoginRequest = z.infer<typeof startLoginRequest>;

const startLoginResponse = z.object({
  loginId: entityId,
  loginResponse: opaqueText,
  keyStretching: toldKeyStretching,
});
export type StartLoginResponse = z.infer<typeof startLoginResponse>;

const createSessionRequest = z.strictObject({
  loginId: entityId,
  finishLoginRequest: opaqueText,
  label: z.string().check(z.maxLength(200)),
});
export type CreateSessionRequest = z.infer<typeof createSessionRequest>;

export const createSessionResponse = z.object({
  session,
  account: accountName,
  accountId: entityId,
  keys: z.object(accountKeys.shape),
});
export type CreateSessionResponse = z.infer<typeof createSessionResponse>;

const getAccountResponse = z.object({
  account: accountName,
  accountId: entityId,
  vaultId: entityId,
  ownedBytes: z.int().check(z.minimum(0)),
  quotaBytes: z.nullable(z.int().check(z.minimum(0))),
  session: z.object({ id: entityId, createdAt: time, expiresAt: time }),
});
export type GetAccountResponse = z.infer<typeof getAccountResponse>;

const idRun = base64Run(queryIdsMax * 32);

const queryBlobsRequest = z.strictObject({ grant: entityId, ids: idRun });
export type QueryBlobsRequest = z.infer<typeof queryBlobsRequest>;

/** One letter an id, in the order asked: `o` owned by this vault, `c` claimable, `m` missing. */
const queryBlobsResponse = z.object({
  states: z.string().check(z.regex(/^[ocm]*$/)),
  nonce: base64Text(128),
  expiresAt: time,
});
export type QueryBlobsResponse = z.infer<typeof queryBlobsResponse>;

/** `proofs`: runs of 48 bytes, a 32-byte id and its 16-byte possession proof. */
const claimBlobsRequest = z.strictObject({ nonce: base64Text(128), proofs: base64Text(queryIdsMax * 48) });
export type ClaimBlobsRequest = z.infer<typeof claimBlobsRequest>;

/** One letter a proof: `o` now owned, `m` please upload. */
const claimBlobsResponse = z.object({ states: z.string().check(z.regex(/^[om]*$/)) });
export type ClaimBlobsResponse = z.infer<typeof claimBlobsResponse>;

/** One letter a blob, in the order sent: `s` stored, `e` existed already. Every one is now owned by the vault. */
const putBlobsResponse = z.object({ states: z.string().check(z.regex(/^[se]*$/)) });
export type PutBlobsResponse = z.infer<typeof putBlobsResponse>;

const fetchBlobsRequest = z.strictObject({ ids: idRun });
export type FetchBlobsRequest = z.infer<typeof fetchBlobsRequest>;

const tokenBundle = base64Text(tokenBundleBytesMax);

/** `token` belongs to the entry that certifies one: what the daemon knows it by, and what it needs, sealed. */
const appendLogRequest = z.strictObject({
  entry: base64Text(logEntryBytesMax),
  signature: base64Of(64),
  body: base64Text(logBodyBytesMax),
  turn: z.optional(entityId),
  token: z.optional(z.strictObject({ secretHash: base64Of(32), bundle: tokenBundle })),
});
export type AppendLogRequest = z.infer<typeof appendLogRequest>;

/** `version`: of a push, how many of its name there are by now, deleted ones included. */
const appendLogResponse = z.object({
  seq: z.int().check(z.minimum(1)),
  receivedAt: time,
  version: z.optional(z.int().check(z.minimum(1))),
});
export type AppendLogResponse = z.infer<typeof appendLogResponse>;

const logHead = z.object({ seq: z.int().check(z.minimum(0)), hash: base64Of(32) });
export type LogHead = z.infer<typeof logHead>;

const takeTurnRequest = z.strictObject({});

const takeTurnResponse = z.object({ turn: entityId, ...logHead.shape });
export type TakeTurnResponse = z.infer<typeof takeTurnResponse>;

const readLogResponse = z.object({
  headSeq: z.int().check(z.minimum(0)),
  entries: z.array(
    z.object({
      entry: base64Text(logEntryBytesMax),
      signature: base64Of(64),
      /** Null where the caller's token is kept to a prefix that the name is not in. */
      body: z.nullable(base64Text(logBodyBytesMax)),
      receivedAt: time,
    }),
  ),
});
export type ReadLogResponse = z.infer<typeof readLogResponse>;

const tokenState = {
  id: entityId,
  scopes: z.array(z.enum(scopes)),
  isPushOnly: z.boolean(),
  createdAt: time,
  expiresAt: z.nullable(time),
  quotaBytes: z.nullable(z.int().check(z.minimum(0))),
  usedBytes: z.int().check(z.minimum(0)),
};

const listTokensResponse = z.object({
  tokens: z.array(
    z.object({
      ...tokenState,
      certificateSeq: z.int().check(z.minimum(1)),
      lastUsedAt: z.nullable(time),
      isRevoked: z.boolean(),
    }),
  ),
});
export type ListTokensResponse = z.infer<typeof listTokensResponse>;

/** What a token learns of itself. */
const getTokenResponse = z.object({ ...tokenState, account: accountName, vaultId: entityId, bundle: tokenBundle });
export type GetTokenResponse = z.infer<typeof getTokenResponse>;

/** `ticket` and `notBefore` come with `not-admitted`: when to ask again, and what to show then. */
const errorResponse = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    ticket: z.optional(base64Of(32)),
    notBefore: z.optional(time),
  }),
});
export type ErrorResponse = z.infer<typeof errorResponse>;

export const parseHealthResponse = parser(healthResponse);
export const parseCreateChallengeRequest = parser(createChallengeRequest);
export const parseCreateChallengeResponse = parser(createChallengeResponse);
export const parseCreateGrantRequest = parser(createGrantRequest);
export const parseCreateGrantResponse = parser(createGrantResponse);
export const parseStartRegistrationRequest = parser(startRegistrationRequest);
export const parseStartRegistrationResponse = parser(startRegistrationResponse);
export const parseCreateAccountRequest = parser(createAccountRequest);
export const parseCreateAccountResponse = parser(createAccountResponse);
export const parseStartLoginRequest = parser(startLoginRequest);
export const parseStartLoginResponse = parser(startLoginResponse);
export const parseCreateSessionRequest = parser(createSessionRequest);
export const parseCreateSessionResponse = parser(createSessionResponse);
export const parseGetAccountResponse = parser(getAccountResponse);
export const parseQueryBlobsRequest = parser(queryBlobsRequest);
export const parseQueryBlobsResponse = parser(queryBlobsResponse);
export const parseClaimBlobsRequest = parser(claimBlobsRequest);
export const parseClaimBlobsResponse = parser(claimBlobsResponse);
export const parsePutBlobsResponse = parser(putBlobsResponse);
export const parseFetchBlobsRequest = parser(fetchBlobsRequest);
export const parseAppendLogRequest = parser(appendLogRequest);
export const parseAppendLogResponse = parser(appendLogResponse);
export const parseReadLogResponse = parser(readLogResponse);
export const parseTakeTurnRequest = parser(takeTurnRequest);
export const parseTakeTurnResponse = parser(takeTurnResponse);
export const parseLogHead = parser(logHead);
export const parseListTokensResponse = parser(listTokensResponse);
export const parseGetTokenResponse = parser(getTokenResponse);
export const parseErrorResponse = parser(errorResponse);
