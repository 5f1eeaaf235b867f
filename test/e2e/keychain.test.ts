// Credentials in a real Secret Service: gnome-keyring in a D-Bus session of its own, through the real program.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { clientProgram, Daemon, makeTempDir, removeTempDirs, runProgram } from '../helpers/programs.js';

const needed = ['dbus-run-session', 'gnome-keyring-daemon', 'secret-tool'];
const missing = needed.filter((program) => spawnSync('which', [program]).status !== 0);
// A newcomer's machine need not have them; where everything is tested they must be there.
const isSkipped = missing.length > 0 && process.env['CI'] === undefined;

let daemon: Daemon;

const starts = {
  unlocked: 'printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null; sleep 1',
  /** The keyring may have been made by an earlier session. */
  locked: 'gnome-keyring-daemon --start --components=secrets >/dev/null; sleep 1',
  /** A bus that has no keychain and starts none. */
  absent: ':',
};

/** A bus that finds services in this folder alone. */
function writeBusConfig(home: string): string {
  const services = join(home, 'services');
  mkdirSync(services, { recursive: true });
  const file = join(home, 'bus.conf');
  writeFileSync(
    file,
    `<busconfig><type>session</type><listen>unix:tmpdir=${home}</listen><servicedir>${services}</servicedir>
    <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`,
  );
  return file;
}

const environmentOf = (home: string) => ({
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  JAYCLOUD_SERVER: daemon.url,
  JAYCLOUD_PASSWORD: 'keychain test',
});

/** Runs a shell script in a session with this keychain; everything that it says on standard output. */
function inSession(
  home: string,
  lines: readonly string[],
  keychain: keyof typeof starts,
  hasOwnServices = false,
): string {
  const run = join(home, 'run');
  mkdirSync(run, { recursive: true, mode: 0o700 });
  const file = join(home, 'script.sh');
  const program = `jaycloud() { "${process.execPath}" "${clientProgram}" "$@"; }`;
  const kept = 'kept() { secret-tool search --all service jaycloud 2>/dev/null | grep -c "^secret = " || true; }';
  writeFileSync(file, ['set -e', starts[keychain], program, kept, ...lines, ''].join('\n'));
  const isOwn = keychain === 'absent' || hasOwnServices;
  const config = isOwn ? [`--config-file=${writeBusConfig(home)}`] : [];
  return execFileSync('dbus-run-session', [...config, '--', 'bash', file], {
    encoding: 'utf8',
    env: { ...environmentOf(home), XDG_RUNTIME_DIR: run },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const credentialFileOf = (home: string) => join(home, '.config/jaycloud/credentials.json');
const entriesOf = (home: string) =>
  Object.keys((JSON.parse(readFileSync(credentialFileOf(home), 'utf8')) as { entries: object }).entries);

describe.skipIf(isSkipped)('the keychain', () => {
  beforeAll(async () => {
    if (missing.length > 0) throw new Error(`missing programs: ${missing.join(', ')}`);
    daemon = await Daemon.start();
  });

  afterAll(async () => {
    await daemon.stop();
    removeTempDirs();
  });

  test('keeps the credential of a login, gives it to later commands and forgets it at logout', () => {
    const home = makeTempDir();
    const script = [
      `jaycloud register keeper 2>${join(home, 'register.err')}`,
      'jaycloud whoami',
      'echo "--- kept"; kept',
      'jaycloud logout',
      'echo "--- after"; kept',
      'jaycloud whoami || echo "exit $?"',
    ];
    const output = inSession(home, script, 'unlocked');
    expect(output).toMatch(/keeper on http/);
    expect(output).toMatch(/--- kept\n1\n/);
    expect(output).toMatch(/--- after\n0\n/);
    expect(output).toMatch(/exit 12/);
    expect(existsSync(join(home, '.config/jaycloud/config.json'))).toBe(true);
    expect(existsSync(credentialFileOf(home))).toBe(false);
  });

  test.each([
    ['locked', 'it has no keyring to keep secrets in', 'locked-out'],
    ['absent', 'nothing answers for secrets on D-Bus', 'without'],
  ] as const)('that is %s is replaced by a file, and one line says so', (keychain, reason, account) => {
    const home = makeTempDir();
    const output = inSession(
      home,
      [`jaycloud register ${account} 2>&1`, 'jaycloud whoami', 'jaycloud doctor'],
      keychain,
    );
    const lines = output.split('\n').filter((line) => line.includes('keychain cannot be used'));
    const kept = `keeping the credential in a file that only you can read: ${credentialFileOf(home)}`;
    expect(lines).toEqual([`jaycloud: the keychain cannot be used: ${reason}; ${kept}`]);
    expect(output).toContain(`${account} on http`);
    expect(output).toContain(`note  keychain: it cannot be used: ${reason}`);
  });

  test('that exists and is locked is told from one that is empty, and a job is told what to do', () => {
    const home = makeTempDir();
    inSession(home, ['jaycloud register sleeper 2>&1'], 'unlocked');
    const output = inSession(
      home,
      ['jaycloud whoami 2>&1 || echo "exit $?"', 'jaycloud doctor || echo "exit $?"'],
      'locked',
    );
    expect(output).toContain('which cannot be used here: it is locked and nobody unlocked it');
    expect(output).toMatch(/hint: log in here with JAYCLOUD_CREDENTIAL_STORE=file.*\nexit 12\n/);
    expect(output).toContain('fail  keychain: it cannot be used: it is locked');
    expect(output).toMatch(/exit 1\n$/);
  });

  test('chosen by hand is not replaced by a file, and no account is made', () => {
    const home = makeTempDir();
    const insisting = ['JAYCLOUD_CREDENTIAL_STORE=keychain jaycloud register insist 2>&1 || echo "exit $?"'];
    expect(inSession(home, insisting, 'locked')).toMatch(/error: the keychain cannot be used[^]*exit 1/);
    expect(existsSync(credentialFileOf(home))).toBe(false);
    expect(inSession(home, ['jaycloud register insist 2>&1'], 'absent')).toContain(
      'registered and logged in as insist',
    );
  });

  test('is tried again at the next login, and the copy in the file goes', () => {
    const home = makeTempDir();
    inSession(home, ['jaycloud register returns 2>&1'], 'absent');
    expect(entriesOf(home)).toHaveLength(1);
    const output = inSession(home, ['jaycloud login returns 2>&1', 'jaycloud whoami', 'kept'], 'unlocked');
    expect(output).toMatch(/returns on http.*\n1\n$/);
    expect(entriesOf(home)).toEqual([]);
  });

  test('is left alone by later logins once the file was chosen by hand, and keeps no copy', () => {
    const home = makeTempDir();
    const choosing = ['JAYCLOUD_CREDENTIAL_STORE=file jaycloud login chooser', 'jaycloud login chooser', 'kept'];
    const output = inSession(
      home,
      ['jaycloud register chooser 2>&1', 'kept', ...choosing, 'jaycloud whoami'],
      'unlocked',
    );
    expect(output).toMatch(/\n1\n(?:logged in.*\n){2}0\nchooser on http/);
    expect(entriesOf(home)).toHaveLength(1);
  });

  test('that cannot be reached to remove a copy loses it at the next login that reaches it', () => {
    const home = makeTempDir();
    const inFile = 'JAYCLOUD_CREDENTIAL_STORE=file jaycloud login remover 2>&1';
    inSession(home, ['jaycloud register remover 2>&1'], 'unlocked');
    expect(inSession(home, [inFile, 'jaycloud whoami'], 'absent')).toMatch(
      /an older credential stays in the keychain until a login or logout can remove it\n[^]*remover on http/,
    );
    expect(inSession(home, ['kept', inFile, 'kept', 'jaycloud whoami'], 'unlocked')).toMatch(
      /^1\nlogged in.*\n0\nremover on http/,
    );
  });

  test('holds the keys of a local vault until a command moves them to a file', () => {
    const home = makeTempDir();
    const own = ['export JAYCLOUD_SERVER=', 'mkdir -p ~/tree; echo content > ~/tree/file'];
    inSession(home, [...own, 'jaycloud push ~/tree --name tree 2>&1'], 'unlocked');
    const job = inSession(home, [...own, 'jaycloud ls 2>&1 || echo "exit $?"'], 'absent');
    expect(job).toMatch(/hint: run a command with JAYCLOUD_CREDENTIAL_STORE=file.*\nexit 12\n/);
    inSession(home, [...own, 'JAYCLOUD_CREDENTIAL_STORE=file jaycloud ls', 'kept'], 'unlocked');
    expect(inSession(home, [...own, 'jaycloud ls'], 'absent')).toContain('tree@1');
  });

  test('behind a prompt that nobody answers is waited for only so long', () => {
    const home = makeTempDir();
    mkdirSync(join(home, 'services'));
    for (const name of ['SystemPrompter', 'PrivatePrompter']) {
      const service = `[D-BUS Service]\nName=org.gnome.keyring.${name}\nExec=/bin/sh -c "exec sleep 25 >/dev/null 2>&1"\n`;
      writeFileSync(join(home, 'services', `org.gnome.keyring.${name}.service`), service);
    }
    inSession(home, ['jaycloud register waiting 2>&1'], 'unlocked');
    const script = [
      'export DISPLAY=:77; SECONDS=0',
      'jaycloud whoami 2>&1 || echo "exit $?"',
      'jaycloud doctor || echo "exit $?"',
      'echo "took $SECONDS"',
    ];
    const output = inSession(home, script, 'locked', true);
    expect(output).toContain('which cannot be used here: it did not answer in time');
    expect(output).toMatch(/\nexit 12\n[^]*\nexit 1\n/);
    // One prompt: doctor asks for nothing.
    expect(Number(/took (\d+)/.exec(output)?.[1])).toBeLessThan(30);
  });
});

describe('without a D-Bus session', () => {
  let silent: Server | undefined;

  beforeAll(async () => {
    daemon = await Daemon.start();
  });

  afterEach(() => {
    silent?.close();
  });

  afterAll(async () => {
    await daemon.stop();
    removeTempDirs();
  });

  test('the file is used, one line says so, and no time is lost', async () => {
    const home = makeTempDir();
    const options = { env: { ...environmentOf(home), DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: '' } };
    const registered = await runProgram(clientProgram, ['register', 'busless'], options);
    expect(registered.exit, registered.stderr).toBe(0);
    const said = registered.stderr.split('\n').filter((line) => line.includes('keychain'));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(
      'the keychain cannot be used: there is no D-Bus session; keeping the credential in a file',
    );
    expect((await runProgram(clientProgram, ['whoami'], options)).stdout).toContain('busless on http');
  });

  test('and with a bus that takes connections and never answers, nothing hangs', async () => {
    const home = makeTempDir();
    const path = join(home, 'bus');
    silent = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => silent?.listen(path, resolve));
    const options = { env: { ...environmentOf(home), DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}` } };
    const startedAt = performance.now();
    const registered = await runProgram(clientProgram, ['register', 'patient'], options);
    expect(registered.stderr).toContain('the keychain cannot be used: D-Bus does not answer; keeping the credential');
    expect(performance.now() - startedAt).toBeLessThan(12_000);
  });
});
