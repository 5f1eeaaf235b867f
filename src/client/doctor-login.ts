// What doctor finds out about the server, the login and the place of its secrets.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProtocolError } from '../protocol/errors.js';
import type { HealthResponse } from '../protocol/messages.js';
import { findLogin, type Settings } from './config.js';
import { isCredentialFileEncrypted } from './credential-file.js';
import { type Credential, credentialPath, readCredential } from './credentials.js';
import { DaemonApi } from './daemon-api.js';
import { type Check, fail, note, ok } from './doctor.js';
import { folderState } from './doctor-machine.js';
import { createHttpTransport } from './http-transport.js';
import { findKeychainFault } from './keychain.js';
import type { TokenString } from './token-string.js';
import { useToken } from './vault.js';

const answerMsMax = 5_000;
const clockDifferenceMsMax = 60_000;

const origins: Readonly<Record<Settings['serverOrigin'], string>> = {
  flag: '--server says so',
  environment: 'JAYCLOUD_SERVER says so',
  token: 'JAYCLOUD_TOKEN names it',
  profile: 'the last login of this profile',
  default: 'nothing else is configured',
};

export function checkServer({ server, serverOrigin, profile }: Settings): Check {
  return ok('server', `${server}: ${origins[serverOrigin]} (profile ${profile})`);
}

/** A local vault is looked at from outside: opening it would write to it. */
export function checkLocalVault({ server, isDefaultServer }: Settings): Check {
  const folder = fileURLToPath(server);
  const state = folderState(folder);
  if (state === 'absent') {
    const next = isDefaultServer ? 'the first push makes it' : "'jaycloud register' makes it";
    return note('vault', `there is no local vault yet in ${folder}: ${next}`);
  }
  if (state !== 'writable') {
    return fail('vault', `${folder} cannot be used`, 'the vault must be a folder that can be read and written');
  }
  try {
    statSync(join(folder, 'jaycloud.db'));
    return ok('vault', `${folder} is there`);
  } catch {
    return note('vault', `${folder} holds no vault yet`);
  }
}

/** One connection to a daemon for the questions of doctor, each asked once. */
export interface DaemonProbe {
  readonly api: DaemonApi;
  /** What the daemon's clock said in its last answer, and what ours said then. */
  readonly clock: () => { readonly daemonMs: number; readonly ownMs: number } | undefined;
}

export async function openProbe(server: string): Promise<DaemonProbe> {
  const transport = await createHttpTransport(server);
  const stop = new AbortController();
  let clock: { daemonMs: number; ownMs: number } | undefined;
  let isAnswered = false;
  const once: typeof transport = {
    ...transport,
    async send(request) {
      // Held by its timer: a signal of `AbortSignal.timeout` that only `any` knows may be collected before its time is up.
      const limit = new AbortController();
      const timer = setTimeout(() => {
        limit.abort(new Error(`no answer within ${String(answerMsMax / 1000)} s`));
      }, answerMsMax);
      try {
        const signal = AbortSignal.any([stop.signal, limit.signal]);
        const response = await transport.send({ ...request, signal });
        const daemonMs = Date.parse(response.header('date') ?? '');
        clock = Number.isNaN(daemonMs) ? undefined : { daemonMs, ownMs: Date.now() };
        isAnswered = true;
        return response;
      } catch (error) {
        // A second try would only take longer to say the same.
        if (!isAnswered) stop.abort(error);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
  };
  return { api: new DaemonApi(once, { signal: stop.signal }), clock: () => clock };
}

export async function checkDaemon({ api }: DaemonProbe, { server }: Settings): Promise<Check> {
  let health: HealthResponse;
  try {
    health = await api.health();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail('daemon', `${server} does not answer: ${reason}`, 'is jaycloudd running there, and the address right?');
  }
  return ok('daemon', `answers with version ${health.version}, protocol ${String(health.protocol)}`);
}

/** Nothing is decided by clocks, but times that people read would surprise them. */
export function checkClock({ clock }: DaemonProbe): Check {
  const found = clock();
  if (found === undefined) return note('clock', 'the daemon does not say what time it is');
  const seconds = Math.round(Math.abs(found.ownMs - found.daemonMs) / 1000);
  if (seconds * 1000 <= clockDifferenceMsMax) return ok('clock', 'this machine and the daemon agree within a minute');
  const order = found.ownMs > found.daemonMs ? 'ahead of' : 'behind';
  return note(
    'clock',
    `this machine is ${String(seconds)} s ${order} the daemon`,
    'set the clock of the one that is wrong',
  );
}

export async function checkKeychain({ sessionBus, storeChoice, ...settings }: Settings): Promise<Check> {
  const fault = await findKeychainFault(sessionBus);
  if (fault === undefined) return ok('keychain', 'it can be used');
  const detail = fault.detail === '' ? '' : ` (${fault.detail})`;
  const message = `it cannot be used: ${fault.reason}${detail}`;
  const isNeeded =
    storeChoice === 'keychain' || findLogin({ sessionBus, storeChoice, ...settings })?.store === 'keychain';
  if (isNeeded) return fail('keychain', message, 'unlock it, or log in with JAYCLOUD_CREDENTIAL_STORE=file');
  return note('keychain', `${message}; credentials are kept in a file`);
}

export function checkStore(settings: Settings): Check {
  const login = findLogin(settings);
  if (login === undefined) return note('login', `nobody is logged in to ${settings.server}`);
  const place = login.store === 'keychain' ? 'in the keychain' : `in ${credentialPath(settings)}`;
  const why =
    login.isChosen === true
      ? 'chosen by JAYCLOUD_CREDENTIAL_STORE'
      : login.store === 'keychain'
        ? 'the usual place'
        : 'the keychain could not be used at the last login';
  const message = `the credential of '${login.account}' is ${place}: ${why}`;
  if (login.isLeftInKeychain !== true) return ok('store', message);
  return note('store', `${message}; an older one is still in the keychain`, 'log in where the keychain can be used');
}

/** Undefined where there is no such file. */
export function checkCredentialFile(settings: Settings): Check | undefined {
  const path = credentialPath(settings);
  const isEncrypted = isCredentialFileEncrypted(path);
  if (isEncrypted === undefined) return undefined;
  const mode = statSync(path).mode & 0o777;
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    return fail('credential-file', `others may read or write ${path} (mode ${mode.toString(8)})`, `chmod 600 ${path}`);
  }
  if (isEncrypted) return ok('credential-file', `${path} is encrypted, and only you can read it`);
  const hint = 'set JAYCLOUD_PASSPHRASE at the next login to encrypt it';
  return note('credential-file', `only you can read ${path}; it is not encrypted`, hint);
}

/** The credential, where it can be read without anybody being asked. */
export async function openCredential(settings: Settings): Promise<Credential | Check | undefined> {
  const login = findLogin(settings);
  if (login === undefined) return undefined;
  if (login.store === 'keychain' && (await findKeychainFault(settings.sessionBus)) !== undefined) {
    return fail('login', `the credential of '${login.account}' cannot be read, because the keychain cannot be used`);
  }
  // A file is not written anew here.
  return readCredential({ ...settings, oldPassphrase: undefined });
}

export async function checkSession({ api }: DaemonProbe, credential: Credential): Promise<Check> {
  try {
    api.useSession(credential.sessionSecret);
    const { account, session } = await api.getAccount();
    return ok(
      'login',
      `logged in as ${account}; the session ends on ${session.expiresAt.slice(0, 10)} unless it is used`,
    );
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'unauthenticated') {
      return fail('login', `the session of ${credential.account} has ended`, `jaycloud login ${credential.account}`);
    }
    throw error;
  }
}

/** What JAYCLOUD_TOKEN is good for: it stands in for any login. */
export async function checkToken({ api }: DaemonProbe, token: TokenString): Promise<Check> {
  try {
    useToken(api, token);
    const { id, account, scopes, isPushOnly, expiresAt } = await api.getToken();
    const may = isPushOnly ? 'only push' : scopes.join(', ');
    const until = expiresAt === null ? 'for ever' : `until ${expiresAt.slice(0, 10)}`;
    return ok('login', `JAYCLOUD_TOKEN is token ${id.slice(0, 12)} of ${account}; it may ${may}, ${until}`);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return fail('login', `JAYCLOUD_TOKEN is refused: ${error.message}`, 'make another one: jaycloud token create');
  }
}
