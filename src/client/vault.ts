// An opened vault: what this machine may do in it, with which keys, and the daemon that keeps it.
import type { KeyObject } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fromBase64, fromHex, toBase64, toHex } from '../protocol/bytes.js';
import type { Scope } from '../protocol/certificate.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../protocol/ed25519.js';
import type { GetTokenResponse } from '../protocol/messages.js';
import type { Settings } from './config.js';
import type { Credential } from './credentials.js';
import type { DaemonApi } from './daemon-api.js';
import { ClientError } from './errors.js';
import {
  currentVaultKeys,
  currentVaultSecret,
  type DomainKeys,
  deriveAccountKeys,
  deriveTokenDomain,
  deriveTokenKeys,
  deriveVaultKeys,
} from './key-hierarchy.js';
import { NameKey } from './name-key.js';
import { vaultKeyPair } from './sealed-body.js';
import { openTokenBundle } from './token-bundle.js';
import type { TokenString } from './token-string.js';

/** Who signs what this machine writes into the log. */
export interface Author {
  /** Session id or token id, 16 bytes. */
  readonly entityId: Uint8Array;
  readonly signingKey: KeyObject;
  readonly publicKey: Uint8Array;
}

export interface Vault {
  readonly vaultId: string;
  readonly account: string;
  /** What members read of this machine, where it writes. */
  readonly label: string;
  readonly author: Author;
  /** What a token may do; undefined where somebody is logged in, who may do everything. */
  readonly scopes: readonly Scope[] | undefined;
  /** Ed25519: who certifies in this vault. */
  readonly identityPublicKey: Uint8Array;
  /** Certifies; only where somebody is logged in, and not for tokens. */
  readonly identityKey: KeyObject | undefined;
  /** What log bodies are sealed to. */
  readonly publicKey: () => Promise<Uint8Array>;
  /** Seeds that open them, oldest first, one more after each rotation; empty where nothing may be read. */
  readonly hpkeSeeds: readonly Uint8Array[];
  readonly names: NameKey;
  /** What is not shared with everyone goes here. */
  readonly domain: DomainKeys | undefined;
  /** The domain of a token that can only push; only where somebody is logged in. */
  readonly tokenDomain: ((tokenId: Uint8Array) => DomainKeys) | undefined;
  readonly cacheKey: Uint8Array;
  readonly api: DaemonApi;
  /** Where this machine keeps what it may lose. */
  readonly cacheDir: string;
  /** File with the head of the log that this machine last saw. */
  readonly headPath: string;
  /** Gets what the user should know while the work goes on. */
  readonly onNote?: (line: string) => void;
}

function authorOf(entityId: Uint8Array, signingSeed: Uint8Array): Author {
  const signingKey = ed25519PrivateKey(signingSeed);
  return { entityId, signingKey, publicKey: ed25519PublicKeyOf(signingKey) };
}

/** Names keep their tags when keys are rotated, so that their versions go on: the first secret has the name key. */
export function nameKeyOf(vaultSecrets: readonly Uint8Array[]): NameKey {
  const { nameKey } = currentVaultKeys(vaultSecrets.slice(0, 1));
  return NameKey.ofVault(nameKey);
}

export function openVault(settings: Settings, credential: Credential, api: DaemonApi): Vault {
  const { vaultId, vaultSecrets, account } = credential;
  api.useSession(credential.sessionSecret);
  const keys = currentVaultKeys(vaultSecrets);
  const identityKey = ed25519PrivateKey(deriveAccountKeys(credential.root).identitySeed);
  return {
    vaultId,
    account,
    label: hostname(),
    author: authorOf(fromHex(credential.sessionId), credential.signingSeed),
    scopes: undefined,
    identityKey,
    identityPublicKey: ed25519PublicKeyOf(identityKey),
    publicKey: async () => (await vaultKeyPair(keys.hpkeSeed)).publicKey,
    hpkeSeeds: vaultSecrets.map((secret) => deriveVaultKeys(secret).hpkeSeed),
    names: nameKeyOf(vaultSecrets),
    domain: keys,
    tokenDomain: (tokenId) => deriveTokenDomain(currentVaultSecret(vaultSecrets), tokenId),
    cacheKey: keys.cacheKey,
    api,
    cacheDir: join(settings.cacheDir, vaultId),
    headPath: join(settings.configDir, 'vaults', `${vaultId}.json`),
  };
}

/** Lets the api speak for a token from here on. */
export function useToken(api: DaemonApi, token: TokenString): void {
  api.useSession(toBase64(deriveTokenKeys(token.secret).bearerSecret));
}

/** `answer` is what the daemon says of the token. Throws integrityError for a bundle that is not this token's. */
export function openTokenVault(
  settings: Settings,
  token: TokenString,
  answer: GetTokenResponse,
  api: DaemonApi,
): Vault {
  const { bundleKey, signingSeed, cacheKey } = deriveTokenKeys(token.secret);
  const { vaultId, account } = answer;
  const tokenId = toHex(token.id);
  const context = { tokenId: token.id, vaultId: fromHex(vaultId) };
  const bundle = openTokenBundle(bundleKey, context, fromBase64(answer.bundle));
  const isBlind = bundle.hpkeSeeds.length === 0;
  return {
    vaultId,
    account,
    label: hostname(),
    author: authorOf(token.id, signingSeed),
    scopes: answer.scopes,
    identityKey: undefined,
    identityPublicKey: bundle.identityPublicKey,
    publicKey: () => Promise.resolve(bundle.vaultPublicKey),
    hpkeSeeds: bundle.hpkeSeeds,
    names: NameKey.fromParts(bundle.names),
    domain: bundle.domain,
    tokenDomain: undefined,
    cacheKey,
    api,
    cacheDir: join(settings.cacheDir, tokenId),
    headPath: join(settings.configDir, 'vaults', `${isBlind ? tokenId : vaultId}.json`),
  };
}

/** Throws ClientError `forbidden` where a token has none of these scopes. The daemon refuses too; here it can be said better. */
export function requireScope({ scopes }: Vault, ...needed: readonly Scope[]): void {
  if (scopes === undefined || needed.some((scope) => scopes.includes(scope))) return;
  throw new ClientError(
    'forbidden',
    `this token may ${scopes.join(' and ')}, and nothing else`,
    `for this it needs the scope ${needed.join(' or ')}: see 'jaycloud token create'`,
  );
}
