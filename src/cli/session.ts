// One run of a command: its settings, the daemon it talks to, and what must be closed at the end.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { findLogin, readSettings, type Settings, type SettingsFlags } from '../client/config.js';
import { type Credential, prepareToKeep, readCredential, writeCredential } from '../client/credentials.js';
import { DaemonApi } from '../client/daemon-api.js';
import { ClientError } from '../client/errors.js';
import { createHttpTransport } from '../client/http-transport.js';
import { PaidSolver } from '../client/paid-solver.js';
import { formatRecoveryKey } from '../client/recovery-key.js';
import { openVault, type Vault } from '../client/vault.js';
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
/** The account of a local vault that nobody registered. */
const localAccount = 'local';
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

  /** The vault of whoever is logged in. With `mayCreate` the local default vault is made on first use. */
  async vault(mayCreate = false): Promise<Vault> {
    let credential = await readCredential(this.settings);
    if (credential === undefined && mayCreate && this.settings.isDefaultServer) credential = await this.#createLocal();
    if (credential === undefined) throw this.#notLoggedIn();
    const api = await this.api();
    if (credential.password !== undefined) credential = await this.#renewLocal(api, credential, credential.password);
    return { ...openVault(this.settings, credential, api), onNote: this.#noteOnce };
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
      '  machine is lost, it is the only way to your data. Nobody can make another one.',
      '  (The command that uses it comes with the next version; the key stays the same.)',
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

  async close(): Promise<void> {
    await this.solver.close();
    await this.#api?.close();
  }

  #notLoggedIn(): ClientError {
    const { server, isDefaultServer } = this.settings;
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
          'restore the config folder or keychain entry that belongs to it, or point JAYCLOUD_DATA_DIR elsewhere',
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
      const renewed = { ...(await login(api, options)), password };
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
