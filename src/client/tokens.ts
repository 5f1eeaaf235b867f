// Tokens for machines (docs/format.md, "Tokens"): made, listed and revoked by whoever is logged in. All that a token may do is
// signed into the vault log; the daemon keeps its bundle and the hash of what it proves itself with.
import { randomBytes } from 'node:crypto';
import { sha256 } from '../protocol/blob-id.js';
import { fromHex, toBase64, toHex } from '../protocol/bytes.js';
import type { Certificate, Scope } from '../protocol/certificate.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../protocol/ed25519.js';
import { revokedAtOnceMax } from '../protocol/limits.js';
import type { ListTokensResponse } from '../protocol/messages.js';
import { identitySigner, write } from './append-log.js';
import { type AuthorRecord, sealAuthorRecord } from './author-record.js';
import { readAuthorRecord } from './authors.js';
import { ClientError, integrityError } from './errors.js';
import { deriveTokenKeys } from './key-hierarchy.js';
import { prefixTagsOf } from './name-key.js';
import { sealTokenBundle, type TokenBundle } from './token-bundle.js';
import { formatToken } from './token-string.js';
import type { Vault } from './vault.js';
import type { VaultLog } from './vault-log.js';

export interface TokenOptions {
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** Empty for all names. */
  readonly prefix: string;
  /** How long it lives; 0 for ever. */
  readonly lifeMs: number;
  /** 0 for no limit. */
  readonly quotaBytes: number;
  readonly isPushOnly: boolean;
}

export interface CreatedToken {
  /** 32 hex digits. */
  readonly id: string;
  /** Shown once: nobody can make it again. */
  readonly token: string;
  /** Milliseconds since 1970 by the daemon's clock; 0 for never. */
  readonly expiresAtMs: number;
}

const prefixBytesMax = 200;

/** Throws ClientError `usage` for what no name can begin with. */
export function checkPrefix(text: string): string {
  const prefix = text.normalize('NFC');
  const isValid =
    /^[^\s@:/\p{Cc}][^@:\p{Cc}]*$/u.test(prefix) &&
    !prefix.includes('//') &&
    Buffer.byteLength(prefix) <= prefixBytesMax;
  if (isValid) return prefix;
  throw new ClientError('usage', `no name begins with '${text}'`, 'a prefix looks like ci or ci/nightly-');
}

/** Makes a token of the vault. Throws ClientError `forbidden` where the caller is a token itself. */
export async function createToken(log: VaultLog, options: TokenOptions): Promise<CreatedToken> {
  const { vault } = log;
  const signer = identitySigner(vault);
  const id = new Uint8Array(randomBytes(16));
  const secret = new Uint8Array(randomBytes(32));
  const keys = deriveTokenKeys(secret);
  const bundle = await bundleOf(vault, id, options);
  const expiresAtMs = options.lifeMs === 0 ? 0 : vault.api.nowMs() + options.lifeMs;
  const certificate: Certificate = {
    kind: 'token',
    id,
    publicKey: ed25519PublicKeyOf(ed25519PrivateKey(keys.signingSeed)),
    scopes: options.scopes,
    prefixTags: prefixTagsOf(bundle.names),
    expiresAtMs,
    quotaBytes: options.quotaBytes,
    isPushOnly: options.isPushOnly,
  };
  const vaultId = fromHex(vault.vaultId);
  const { label, prefix } = options;
  const body = await sealAuthorRecord(bundle.vaultPublicKey, { vaultId, entityId: id }, { label, prefix });
  const token = {
    secretHash: toBase64(sha256(keys.bearerSecret)),
    bundle: toBase64(sealTokenBundle(keys.bundleKey, { tokenId: id, vaultId }, bundle)),
  };
  await write(log, signer, () => ({ change: { op: 'certify', certificate }, body, token }));
  return { id: toHex(id), token: formatToken({ id, secret, server: vault.api.server }), expiresAtMs };
}

/** No more than the scopes need. */
async function bundleOf(vault: Vault, id: Uint8Array, options: TokenOptions): Promise<TokenBundle> {
  const { scopes, isPushOnly, prefix } = options;
  const domain = isPushOnly ? vault.tokenDomain?.(id) : vault.domain;
  return {
    identityPublicKey: vault.identityPublicKey,
    vaultPublicKey: await vault.publicKey(),
    names: vault.names.partsFor(prefix),
    domain: scopes.includes('push') ? domain : undefined,
    hpkeSeeds: scopes.includes('list') || scopes.includes('pull') ? vault.hpkeSeeds : [],
  };
}

type TokenState = ListTokensResponse['tokens'][number];

export interface ListedToken extends TokenState, AuthorRecord {
  /** Whether the log, and not only the daemon, says that it was revoked or that its keys were rotated away. */
  readonly isEnded: boolean;
}

/** Places of the certificates that hold, of tokens alone. */
function liveTokens(log: VaultLog): Set<number> {
  const tokens = log.authors().filter(({ certificate }) => certificate.kind === 'token');
  return new Set(tokens.map(({ certificateSeq }) => certificateSeq));
}

/** All tokens of the vault, oldest first. Throws integrityError where daemon and log contradict each other. */
export async function listTokens(log: VaultLog): Promise<ListedToken[]> {
  // Taken twice: what is certified or ends while the daemon answers is neither missing nor alive.
  const before = liveTokens(log);
  const { tokens } = await log.vault.api.listTokens();
  await log.refresh();
  const live = liveTokens(log);
  const listedSeqs = new Set(tokens.map(({ certificateSeq }) => certificateSeq));
  if ([...before].some((seq) => live.has(seq) && !listedSeqs.has(seq))) {
    throw integrityError('the daemon leaves out tokens that the vault log has');
  }
  const listed: ListedToken[] = [];
  for (const token of tokens) {
    const line = log.lines[token.certificateSeq - 1];
    const change = line?.entry.change;
    const certificate =
      change?.op === 'certify' && change.certificate.kind === 'token' ? change.certificate : undefined;
    if (line === undefined || certificate === undefined || toHex(certificate.id) !== token.id) {
      throw integrityError(`token ${token.id} is not in the vault log`);
    }
    const { scopes, isPushOnly, expiresAtMs, quotaBytes } = certificate;
    listed.push({
      ...token,
      ...(await readAuthorRecord(log, line)),
      // The log is signed; the daemon's word counts for what only the daemon knows.
      scopes: [...scopes],
      isPushOnly,
      expiresAt: expiresAtMs === 0 ? null : new Date(expiresAtMs).toISOString(),
      quotaBytes: quotaBytes === 0 ? null : quotaBytes,
      isEnded: token.isRevoked || !live.has(token.certificateSeq),
    });
  }
  return listed;
}

/** Ends certificates that hold, of tokens and sessions, here and at the daemon; returns how many there were. */
export async function revokeCertificates(
  log: VaultLog,
  isMeant: (certificate: Certificate) => boolean,
): Promise<number> {
  const signer = identitySigner(log.vault);
  let revoked = 0;
  for (;;) {
    let count = 0;
    const written = await write(log, signer, () => {
      const targetSeqs = log
        .authors()
        .filter(({ certificate }) => isMeant(certificate))
        .map(({ certificateSeq }) => certificateSeq)
        .sort((a, b) => a - b)
        .slice(0, revokedAtOnceMax);
      count = targetSeqs.length;
      return count === 0 ? undefined : { change: { op: 'revoke', targetSeqs } };
    });
    if (written === undefined) return revoked;
    revoked += count;
  }
}
