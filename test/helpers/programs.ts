// The real programs, from bin/ and dist/, each with folders of its own. Nothing here knows how they work inside.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const clientProgram = join(root, 'bin', 'jaycloud.js');
export const daemonProgram = join(root, 'bin', 'jaycloudd.js');

/** A folder that `removeTempDirs` removes. */
const tempDirs: string[] = [];

export function makeTempDir(prefix = 'jaycloud-test-'): string {
  if (!existsSync(join(root, 'dist', '.built'))) throw new Error('dist/ is missing: run the tests with npm test');
  const path = mkdtempSync(join(tmpdir(), prefix));
  tempDirs.push(path);
  return path;
}

export function removeTempDirs(): void {
  for (const path of tempDirs.splice(0)) rmSync(path, { recursive: true, force: true });
}

export interface Outcome {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The last JSON line of standard output. */
export function lastJson(outcome: Outcome): Record<string, unknown> {
  const line = outcome.stdout.trimEnd().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw new Error(`no JSON at the end of: ${outcome.stdout}\n${outcome.stderr}`);
  }
}

export function jsonLines(outcome: Outcome): Record<string, unknown>[] {
  return outcome.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
  /** A program and its arguments that starts ours, to take rights away for instance. */
  readonly launcher?: readonly string[];
  /** Gets the running process, to signal it for instance. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Variables of the machine that a program needs; everything of JayCloud's own is given by the test. */
function cleanEnvironment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const kept = ['PATH', 'LANG', 'TMPDIR', 'DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR'];
  const env: Record<string, string> = {};
  for (const name of kept) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...extra };
}

export function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const [command = process.execPath, ...words] = [...(options.launcher ?? []), process.execPath, program, ...args];
    const child = spawn(command, words, {
      cwd: options.cwd,
      env: cleanEnvironment(options.env ?? {}),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (exit) => {
      resolve({ exit, stdout, stderr });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    options.onStart?.(child);
  });
}

/** A launcher that takes away what makes root's permission to write unlike that of others. */
export const powerless: readonly string[] =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'] : [];

/** A machine with a user on it: its own home, config, cache and data folders, secrets in a file. */
export class Machine {
  readonly home = makeTempDir('jaycloud-home-');
  readonly env: Record<string, string>;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.env = {
      HOME: this.home,
      JAYCLOUD_CONFIG_DIR: join(this.home, 'config'),
      JAYCLOUD_CACHE_DIR: join(this.home, 'cache'),
      JAYCLOUD_DATA_DIR: join(this.home, 'data'),
      JAYCLOUD_CREDENTIAL_STORE: 'file',
      ...env,
    };
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return runProgram(clientProgram, args, { cwd: this.home, ...options, env: { ...this.env, ...options.env } });
  }

  /** Runs with --json and gives the summary; throws, with everything the program said, when it does not end with `exit`. */
  async summary(args: readonly string[], exit = 0, options: RunOptions = {}): Promise<Record<string, unknown>> {
    const outcome = await this.run([...args, '--json'], options);
    if (outcome.exit !== exit) {
      throw new Error(
        `jaycloud ${args.join(' ')} ended with ${String(outcome.exit)}:\n${outcome.stdout}\n${outcome.stderr}`,
      );
    }
    return lastJson(outcome);
  }
}

export interface DaemonOptions {
  readonly dataDir?: string;
  readonly port?: number;
  /** Proof of work costs CPU; tests that are not about it leave it off. */
  readonly pow?: 'adaptive' | 'floor' | 'off';
  readonly args?: readonly string[];
}

/** A running jaycloudd on a free port of this machine. */
export class Daemon {
  readonly dataDir: string;
  readonly url: string;
  readonly child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #errors: () => string;

  private constructor(
    dataDir: string,
    url: string,
    child: ChildProcess,
    ended: Promise<number | null>,
    errors: () => string,
  ) {
    this.dataDir = dataDir;
    this.url = url;
    this.child = child;
    this.#ended = ended;
    this.#errors = errors;
  }

  static async start(options: DaemonOptions = {}): Promise<Daemon> {
    const dataDir = options.dataDir ?? join(makeTempDir('jaycloud-data-'), 'data');
    const args = ['serve', '--data', dataDir, '--listen', `127.0.0.1:${String(options.port ?? 0)}`];
    const child = spawn(
      process.execPath,
      [daemonProgram, ...args, '--pow', options.pow ?? 'off', ...(options.args ?? [])],
      {
        env: cleanEnvironment({}),
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([
      new Promise<string>((resolve) => lines.once('line', resolve)),
      ended.then((exit) => {
        throw new Error(`jaycloudd ended with ${String(exit)}: ${errors}`);
      }),
    ]);
    const { type, url } = JSON.parse(first) as { type: string; url: string };
    if (type !== 'listening') throw new Error(`jaycloudd began with ${first}`);
    return new Daemon(dataDir, url, child, ended, () => errors);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Everything on standard error so far. */
  get log(): string {
    return this.#errors();
  }

  /** Resolves to the exit code, null after a signal that it does not catch. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.#ended;
  }
}

/** An account on a new machine; `name` may exist already on the daemon with the same password. */
export async function machineOf(
  daemon: Daemon,
  name: string,
  how: 'register' | 'login',
  password = `pass of ${name}`,
): Promise<Machine> {
  const machine = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: password });
  await machine.summary([how, name]);
  return machine;
}
