// One run of a command: its settings, the daemon it talks to, and what must be closed at the end.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { localAccount } from '../client/account-name.js';
import { findLogin, readSettings, type Settings, type SettingsFlags } from '../client/config.js';
import { type Credential, prepareToKeep, readCredential, writeCredential } from '../client/credentials.js';
import { DaemonApi } from '../client/daemon-api.js';
import { ClientError } from '../client/errors.js';
import { createHttpTransport } from '../client/http-transport.js';
import { PaidSolver } from '../client/paid-solver.js';
import { formatRecoveryKey } from '../client/recovery-key.js';
import type { TokenString } from '../client/token-string.js';
import { openTokenVault, openVault, useToken, type Vault } from '../client/vault.js';
import { toBase64 } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Output } from './output.js';
import { shellWord } from './text.js';

/** Flags that stand before or behind any command. */
export interface GlobalFlags extends SettingsFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly powMax?: number;
}

const powSecondsMax = 60;
/** Between making a vault and keeping its keys lies at most a keychain that does not answer. */
const otherProcessMs = 10_000;

export class Session {
  readonly settings: Settings;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly solver: PaidSolver;
  readonly #flags: GlobalFlags;
  #api: DaemonApi | undefined;
  readonly #noted = new Set<string>();
  readonly #noteOnce = (line: string) => {
    if (!this.#noted.has(line)) this.output.note(line);
    this.#noted.add(line);
  };

  constructor(flags: GlobalFlags, output: Output, signal: AbortSignal) {
    this.#flags = flags;
    this.output = output;
    this.signal = signal;
    this.settings = readSettings(flags, process.env);
    this.solver = new PaidSolver({
      secondsMax: flags.powMax ?? powSecondsMax,
      onPrice: (line) => {
        output.note(line);
      },
      signal,
    });
  }

  /** The daemon, not logged in. */
  async api(): Promise<DaemonApi> {
    if (this.#api !== undefined) return this.#api;
    const { server } = this.settings;
    if (server.startsWith('http:') && this.#flags.allowHttp === true) {
      this.output.note(`warning: ${server} carries your session in the clear`);
    }
    const transport = server.startsWith('file:')
      ? await (await import('./embedded.js')).createEmbeddedTransport(server)
      : await createHttpTransport(server);
    this.#api = new DaemonApi(transport, { signal: this.signal });
    return this.#api;
  }

  /** Of whoever is logged in. With `mayCreate` the local default vault is made on first use. */
  async credential(mayCreate = false): Promise<Credential> {
    if (this.settings.token !== undefined) {
      throw new ClientError('forbidden', 'a token cannot do this: it needs a login', 'unset JAYCLOUD_TOKEN and log in');
    }
    let credential = await readCredential(this.settings);
    if (credential === undefined && mayCreate && this.settings.isDefaultServer) credential = await this.#createLocal();
    if (credential === undefined) throw this.#notLoggedIn();
    if (credential.password === undefined) return credential;
    return this.#renewLocal(await this.api(), credential, credential.password);
  }

  /** The vault of the token, or else of `credential`. */
  async vault(mayCreate = false): Promise<Vault> {
    if (this.settings.token !== undefined) return this.#tokenVault(this.settings.token);
    const vault = openVault(this.settings, await this.credential(mayCreate), await this.api());
    return { ...vault, onNote: this.#noteOnce };
  }

  /** Keeps a credential and says where, if it is not the keychain. */
  keep(credential: Credential, isRenewal = false): Promise<unknown> {
    return writeCredential(this.settings, credential, { onFallback: this.#noteOnce, isRenewal });
  }

  showRecoveryKey(recoveryKey: Uint8Array): void {
    const key = formatRecoveryKey(recoveryKey);
    this.output.secret([
      '',
      '  Recovery key, shown this once:',
      '',
      `    ${key}`,
      '',
      '  Write it down and keep it away from this machine. If the password or this',
      '  machine is lost, it is the only way to your data.',
      "  'jaycloud recover' takes it; 'jaycloud recovery rehearse' proves beforehand",
      '  that you have written it down right.',
      '',
    ]);
  }

  /** Before the rotation is sent: a machine that dies behind it must not be the end of the data. */
  showNewRecoveryKey(recoveryKey: Uint8Array): void {
    this.output.secret([
      '',
      '  New recovery key, shown this once:',
      '',
      `    ${formatRecoveryKey(recoveryKey)}`,
      '',
      '  It counts as soon as the rotation is done, and the old one no longer does. If the',
      '  rotation fails, it is the other way round: keep the old one.',
      '',
    ]);
  }

  /** How this very program is called again, for commands that can be pasted. */
  invocation(): string {
    const program =
      process.env['npm_lifecycle_event'] === 'start'
        ? 'npm start --'
        : process.env['npm_command'] === 'exec'
          ? 'npx jaycloud'
          : 'jaycloud';
    const { server, profile, allowHttp } = this.#flags;
    const words = [
      program,
      ...(server === undefined ? [] : ['--server', server]),
      ...(profile === undefined ? [] : ['--profile', profile]),
      ...(allowHttp === true ? ['--allow-http'] : []),
    ];
    return words.map((word) => (word === program ? word : shellWord(word))).join(' ');
  }

  async #tokenVault(token: TokenString): Promise<Vault> {
    const api = await this.api();
    useToken(api, token);
    return { ...openTokenVault(this.settings, token, await api.getToken(), api), onNote: this.#noteOnce };
  }

  async close(): Promise<void> {
    await this.solver.close();
    await this.#api?.close();
  }

  #notLoggedIn(): ClientError {
    const { server, isDefaultServer } = this.settings;
    if (isDefaultServer && existsSync(join(fileURLToPath(server), 'jaycloud.db'))) {
      return new ClientError(
        'not-logged-in',
        `the local vault in ${server} is not open on this machine`,
        `'jaycloud login ${localAccount}' where it was given a password, 'jaycloud recover' with its recovery key`,
      );
    }
    if (isDefaultServer) {
      return new ClientError(
        'not-logged-in',
        'there is no local vault yet and no login',
        "'jaycloud push PATH' makes a local vault; 'jaycloud --server URL login ACCOUNT' uses a daemon",
      );
    }
    return new ClientError('not-logged-in', `not logged in to ${server}`, 'log in: jaycloud login ACCOUNT');
  }

  async #createLocal(): Promise<Credential> {
    await prepareToKeep(this.settings);
    const api = await this.api();
    // Nobody has to type it: it is kept beside the keys that it protects.
    const password = toBase64(randomBytes(32));
    try {
      const options = { account: localAccount, password, label: hostname(), solver: this.solver };
      const { register } = await import('../client/account.js');
      const { credential, recoveryKey } = await register(api, options);
      const kept = { ...credential, password };
      await this.keep(kept);
      this.output.note(`made a local vault in ${this.settings.server}`);
      this.showRecoveryKey(recoveryKey);
      return kept;
    } catch (error) {
      if (error instanceof ProtocolError && error.code === 'account-exists') {
        const kept = await this.#awaitLocal();
        if (kept !== undefined) return kept;
        throw new ClientError(
          'not-logged-in',
          `the local vault in ${this.settings.server} exists, but its keys are not on this machine`,
          "'jaycloud recover' makes them from the recovery key, 'jaycloud login local' where it was given a password; or restore the config folder",
        );
      }
      throw error;
    }
  }

  /** Another process may be making the same vault at this moment; it keeps the keys right after. */
  async #awaitLocal(): Promise<Credential | undefined> {
    const givenUpAt = performance.now() + otherProcessMs;
    for (;;) {
      const credential = await readCredential(this.settings);
      if (credential !== undefined || performance.now() > givenUpAt) return credential;
      await sleep(100, undefined, { signal: this.signal });
    }
  }

  /** The kept password is wrong where a change of it was cut off before it was noted here. */
  async #loginLocal(login: () => Promise<Credential>): Promise<Credential> {
    try {
      return await login();
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'wrong-credential') throw error;
      const hint = `log in with the password that it was given: jaycloud login ${localAccount}`;
      throw new ClientError('not-logged-in', 'the local vault has another password than the one kept here', hint);
    }
  }

  /** A session of the local vault that has ended is renewed without asking anybody; a store asked for is moved to. */
  async #renewLocal(api: DaemonApi, credential: Credential, password: string): Promise<Credential> {
    const { storeChoice } = this.settings;
    const isToMove = storeChoice !== undefined && findLogin(this.settings)?.store !== storeChoice;
    try {
      api.useSession(credential.sessionSecret);
      await api.getAccount();
      // There is no login that could move it.
      if (isToMove) await this.keep(credential);
      return credential;
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== 'unauthenticated') throw error;
      api.useSession(undefined);
      const { login } = await import('../client/account.js');
      const options = { account: credential.account, password, label: hostname(), solver: this.solver };
      const renewed = { ...(await this.#loginLocal(() => login(api, options))), password };
      await this.#keepRenewed(renewed);
      return renewed;
    }
  }

  async #keepRenewed(credential: Credential): Promise<void> {
    try {
      await this.keep(credential, true);
    } catch (error) {
      // The next command renews again; nothing is lost by a folder that cannot be written now.
      if (!(error instanceof ClientError)) throw error;
      this.#noteOnce(`the renewed session is not kept: ${error.message}`);
    }
  }
}
