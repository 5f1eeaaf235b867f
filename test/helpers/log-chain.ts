// Writes a vault log entry by entry, as the identity, a session or a token would.
import { type KeyObject, randomBytes } from 'node:crypto';
import type { Hono } from 'hono';
import { NameKey, prefixTagsOf } from '../../src/client/name-key.js';
import { sha256 } from '../../src/protocol/blob-id.js';
import { toBase64 } from '../../src/protocol/bytes.js';
import { type Certificate, scopes } from '../../src/protocol/certificate.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../../src/protocol/ed25519.js';
import {
  encodeLogEntry,
  hashLogEntry,
  type LogChange,
  type LogEntry,
  signLogEntry,
} from '../../src/protocol/log-entry.js';
import type { AppendLogRequest } from '../../src/protocol/messages.js';
import { sendJson, type TestCaller } from './daemon-fixture.js';

export interface TestSigner {
  readonly key: KeyObject;
  readonly publicKey: Uint8Array;
}

export interface SignedRequest {
  readonly request: AppendLogRequest;
  readonly hash: Uint8Array;
}

export interface TestToken {
  readonly caller: TestCaller;
  readonly signer: TestSigner;
  readonly certificate: Certificate;
}

/** Names under a key of the tests. */
export const testNames = NameKey.ofVault(new Uint8Array(32).fill(9));

export function newSigner(): TestSigner {
  const key = ed25519PrivateKey(randomBytes(32));
  return { key, publicKey: ed25519PublicKeyOf(key) };
}

/** The log of one caller's vault. What is appended through it, and taken, moves its end. */
export class LogChain {
  readonly app: Hono;
  readonly caller: TestCaller;
  readonly identity: TestSigner;
  /** Of the caller's session. */
  readonly session = newSigner();
  seq = 0;
  hash: Uint8Array = new Uint8Array(32);

  constructor(app: Hono, caller: TestCaller) {
    this.app = app;
    this.caller = caller;
    this.identity = { key: caller.identityKey, publicKey: caller.identityPublicKey };
  }

  sign(signer: TestSigner, change: LogChange, body = new Uint8Array(), other: Partial<LogEntry> = {}): SignedRequest {
    const entry = encodeLogEntry({
      vaultId: this.caller.vaultId,
      seq: this.seq + 1,
      previousHash: this.hash,
      author: signer.publicKey,
      timeMs: 1_700_000_000_000,
      bodyHash: sha256(body),
      change,
      ...other,
    });
    const signature = signLogEntry(signer.key, entry);
    return {
      request: { entry: toBase64(entry), signature: toBase64(signature), body: toBase64(body) },
      hash: hashLogEntry(entry, signature),
    };
  }

  async send(
    { request, hash }: SignedRequest,
    caller = this.caller,
    token?: AppendLogRequest['token'],
  ): Promise<Response> {
    const response = await sendJson(this.app, caller, '/v1/log', token === undefined ? request : { ...request, token });
    if (response.status === 200) {
      this.seq += 1;
      this.hash = hash;
    }
    return response;
  }

  /** Certifies the caller's session; throws where the daemon refuses. */
  async begin(): Promise<this> {
    const certificate = {
      kind: 'session',
      id: this.caller.entityId,
      publicKey: this.session.publicKey,
      scopes,
      ...unlimited,
    } as const;
    const response = await this.send(this.sign(this.identity, { op: 'certify', certificate }));
    if (response.status !== 200) throw new Error(await response.text());
    return this;
  }

  /** A new token with its bundle; throws where the daemon refuses. */
  async addToken(limits: Partial<Certificate>, prefix = ''): Promise<TestToken> {
    const signer = newSigner();
    const secret = randomBytes(32);
    const certificate: Certificate = {
      kind: 'token',
      id: randomBytes(16),
      publicKey: signer.publicKey,
      scopes: ['push'],
      ...unlimited,
      ...limits,
      prefixTags: prefixTagsOf(testNames.partsFor(prefix)),
    };
    const token = { secretHash: toBase64(sha256(secret)), bundle: toBase64(randomBytes(100)) };
    const response = await this.send(this.sign(this.identity, { op: 'certify', certificate }), this.caller, token);
    if (response.status !== 200) throw new Error(await response.text());
    const caller = { ...this.caller, secretText: toBase64(secret), entityId: certificate.id };
    return { caller, signer, certificate };
  }
}

const unlimited = { prefixTags: [], expiresAtMs: 0, quotaBytes: 0, isPushOnly: false };
