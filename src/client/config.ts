// Where things lie and which daemon is meant (docs/cli.md, "Configuration"): flags over environment over file over default.
// No other file of the client reads the environment.
import { accessSync, constants, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import envPaths from 'env-paths';
import * as z from '../protocol/packages/zod.js';
import { writeFileDurably } from './durable-file.js';
import { ClientError } from './errors.js';
import { makeFolders } from './make-folders.js';
import type { SessionBus } from './session-bus.js';
import { parseToken, type TokenString } from './token-string.js';

const storeKinds = ['keychain', 'file'] as const;
export type StoreKind = (typeof storeKinds)[number];

/** The config file: no secrets, only what was chosen at the last login. */
const configFile = z.object({
  version: z.literal(1),
  profiles: z.record(
    z.string(),
    z.object({
      server: z.optional(z.string()),
      /** By server: who is logged in, and where the secrets are. */
      logins: z.record(
        z.string(),
        z.object({
          account: z.string(),
          store: z.enum(storeKinds),
          isChosen: z.optional(z.boolean()),
          isLeftInKeychain: z.optional(z.boolean()),
        }),
      ),
    }),
  ),
});
type ConfigFile = z.infer<typeof configFile>;

export interface Login {
  readonly account: string;
  readonly store: StoreKind;
  /** The store was asked for, not the only one that could be used. */
  readonly isChosen?: boolean | undefined;
  /** The keychain could not be reached to remove an older copy. */
  readonly isLeftInKeychain?: boolean | undefined;
}

/** Where the server comes from; `default` is the local vault of this machine. */
type ServerOrigin = 'flag' | 'environment' | 'token' | 'profile' | 'default';

export interface Settings {
  readonly configDir: string;
  readonly cacheDir: string;
  readonly dataDir: string;
  readonly profile: string;
  /** An http:, https: or file: URL without trailing slash. */
  readonly server: string;
  readonly serverOrigin: ServerOrigin;
  /** True when nothing was configured and the local default vault is meant. */
  readonly isDefaultServer: boolean;
  readonly account: string | undefined;
  readonly password: string | undefined;
  readonly newPassword: string | undefined;
  /** Secret of an invitation, without its `jci_`: for `register`. */
  readonly invite: string | undefined;
  readonly recoveryKey: string | undefined;
  readonly passphrase: string | undefined;
  /** From JAYCLOUD_TOKEN: stands in for any login, and says which daemon is meant. */
  readonly token: TokenString | undefined;
  /** Opens a credential file that is to be written anew under `passphrase`, or without one. */
  readonly oldPassphrase: string | undefined;
  readonly storeChoice: StoreKind | undefined;
  readonly sessionBus: SessionBus;
}

export interface SettingsFlags {
  readonly server?: string;
  readonly profile?: string;
  readonly allowHttp?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const set = (value: string | undefined) => (value === undefined || value === '' ? undefined : value);

/** `jci_` and 22 characters of base64. */
function parseInvite(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const secret = /^jci_([A-Za-z0-9_-]{22})$/.exec(text)?.[1];
  if (secret !== undefined) return secret;
  throw new ClientError('usage', 'JAYCLOUD_INVITE is no invitation', "it begins with 'jci_' and has 26 characters");
}

/** Puts flags, environment, config file and defaults together; throws ClientError `usage` for values that cannot be meant. */
export function readSettings(flags: SettingsFlags, environment: Environment): Settings {
  const paths = envPaths('jaycloud', { suffix: '' });
  const configDir = resolve(set(environment['JAYCLOUD_CONFIG_DIR']) ?? paths.config);
  const dataDir = resolve(set(environment['JAYCLOUD_DATA_DIR']) ?? paths.data);
  const profile = flags.profile ?? 'default';
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(profile)) throw new ClientError('usage', `'${profile}' is not a profile name`);
  const storeChoice = set(environment['JAYCLOUD_CREDENTIAL_STORE']);
  if (storeChoice !== undefined && storeChoice !== 'keychain' && storeChoice !== 'file') {
    throw new ClientError('usage', 'JAYCLOUD_CREDENTIAL_STORE must be keychain or file');
  }
  const tokenText = set(environment['JAYCLOUD_TOKEN']);
  const token = tokenText === undefined ? undefined : parseToken(tokenText);
  const { server, serverOrigin } = findServer(flags, environment, { configDir, dataDir, profile, token });
  return {
    configDir,
    dataDir,
    cacheDir: resolve(set(environment['JAYCLOUD_CACHE_DIR']) ?? paths.cache),
    profile,
    server: checkServer(server, flags.allowHttp ?? false),
    serverOrigin,
    isDefaultServer: serverOrigin === 'default',
    account: set(environment['JAYCLOUD_ACCOUNT']),
    password: set(environment['JAYCLOUD_PASSWORD']),
    newPassword: set(environment['JAYCLOUD_NEW_PASSWORD']),
    invite: parseInvite(set(environment['JAYCLOUD_INVITE'])),
    recoveryKey: set(environment['JAYCLOUD_RECOVERY_KEY']),
    passphrase: set(environment['JAYCLOUD_PASSPHRASE']),
    token,
    oldPassphrase: set(environment['JAYCLOUD_OLD_PASSPHRASE']),
    storeChoice,
    sessionBus: findSessionBus(environment),
  };
}

interface ServerPlaces {
  readonly configDir: string;
  readonly dataDir: string;
  readonly profile: string;
  readonly token: TokenString | undefined;
}

function findServer(
  flags: SettingsFlags,
  environment: Environment,
  { configDir, dataDir, profile, token }: ServerPlaces,
): { server: string; serverOrigin: ServerOrigin } {
  if (flags.server !== undefined) return { server: flags.server, serverOrigin: 'flag' };
  const fromEnvironment = set(environment['JAYCLOUD_SERVER']);
  if (fromEnvironment !== undefined) return { server: fromEnvironment, serverOrigin: 'environment' };
  if (token !== undefined) return { server: token.server, serverOrigin: 'token' };
  const ofProfile = readConfig(configDir).profiles[profile]?.server;
  if (ofProfile !== undefined) return { server: ofProfile, serverOrigin: 'profile' };
  return { server: pathToFileURL(join(dataDir, 'vault')).href, serverOrigin: 'default' };
}

/** As desktops announce it; most give no address, because the place is always the same. */
function findSessionBus(environment: Environment): SessionBus {
  const runtimeDir = set(environment['XDG_RUNTIME_DIR']);
  const usual = runtimeDir === undefined ? undefined : `unix:path=${encodeURI(join(runtimeDir, 'bus'))}`;
  const hasDisplay = (set(environment['DISPLAY']) ?? set(environment['WAYLAND_DISPLAY'])) !== undefined;
  return { address: set(environment['DBUS_SESSION_BUS_ADDRESS']) ?? usual, hasDisplay };
}

/** Names, never values, of what is set and meant for this program. */
export function listVariables(environment: Environment): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('JAYCLOUD_') && set(environment[name]) !== undefined)
    .sort();
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Secrets travel over TLS or stay on this machine (docs/protocol.md, "Conventions"). */
function checkServer(text: string, allowHttp: boolean): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ClientError(
      'usage',
      `'${text}' is not a URL`,
      'for example https://storage.example:8787 or file:///mnt/disk/vault',
    );
  }
  if (url.protocol === 'file:') {
    try {
      return pathToFileURL(fileURLToPath(url)).href;
    } catch (cause) {
      throw new ClientError('usage', `'${text}' does not name a local folder`, 'write file:///path', { cause });
    }
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ClientError('usage', `'${text}' is not an http:, https: or file: URL`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '' || url.pathname !== '/') {
    throw new ClientError('usage', `'${text}' must be an origin: scheme, host and port only`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && !allowHttp) {
    throw new ClientError(
      'usage',
      `${url.origin} would carry your session in the clear`,
      'use https:, or give --allow-http if the network in between is yours',
    );
  }
  return url.origin;
}

const configPath = (configDir: string) => join(configDir, 'config.json');

function readConfig(configDir: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(configPath(configDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { version: 1, profiles: {} };
    throw new ClientError('failed', `cannot read ${configPath(configDir)}: ${(error as Error).message}`);
  }
  try {
    return configFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new ClientError('failed', `${configPath(configDir)} is damaged`, 'move it away and log in again', { cause });
  }
}

export function findLogin(settings: Settings): Login | undefined {
  return readConfig(settings.configDir).profiles[settings.profile]?.logins[settings.server];
}

/** Throws ClientError where nothing can be kept: before a login makes anything that could then not be remembered. */
export function prepareConfigDir({ configDir }: Settings): void {
  try {
    makeFolders(configDir, 0o700);
    accessSync(configDir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unwritable(configDir, cause);
  }
}

export function unwritable(path: string, cause: unknown): ClientError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const hint = 'set JAYCLOUD_CONFIG_DIR to a folder that can be written';
  return new ClientError('failed', `cannot write to ${path}: ${reason}`, hint, { cause });
}

/** Remembers a login and makes its server the profile's own; `undefined` forgets the login but keeps the server. */
export function writeLogin(settings: Settings, login: Login | undefined): void {
  const config = readConfig(settings.configDir);
  const before = config.profiles[settings.profile] ?? { logins: {} };
  const logins = Object.fromEntries(Object.entries(before.logins).filter(([server]) => server !== settings.server));
  if (login !== undefined) logins[settings.server] = login;
  // The local default stays a default: it is not written down, so that a later JAYCLOUD_DATA_DIR still counts.
  const server = settings.isDefaultServer ? before.server : settings.server;
  config.profiles[settings.profile] = { ...(server === undefined ? {} : { server }), logins };
  prepareConfigDir(settings);
  try {
    writeFileDurably(configPath(settings.configDir), `${JSON.stringify(config, undefined, 2)}\n`);
  } catch (cause) {
    throw unwritable(configPath(settings.configDir), cause);
  }
}
