// Credentials in a real Secret Service: gnome-keyring in a D-Bus session of its own, through the real program.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProgram, Daemon, makeTempDir, removeTempDirs } from '../helpers/programs.js';

const needed = ['dbus-run-session', 'gnome-keyring-daemon', 'secret-tool'];
const missing = needed.filter((program) => spawnSync('which', [program]).status !== 0);
// A newcomer's machine need not have them; where everything is tested they must be there.
const isSkipped = missing.length > 0 && process.env['CI'] === undefined;

let daemon: Daemon;

/** Runs a shell script in a session with a Secret Service; `unlocked` with its login keyring open. */
function inSession(home: string, script: string, keyring: 'unlocked' | 'locked'): string {
  const run = join(home, 'run');
  mkdirSync(run, { recursive: true, mode: 0o700 });
  const start =
    keyring === 'unlocked'
      ? 'printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null'
      : 'gnome-keyring-daemon --start --components=secrets >/dev/null';
  const file = join(home, 'script.sh');
  writeFileSync(
    file,
    `set -e\n${start}\nsleep 1\njaycloud() { "${process.execPath}" "${clientProgram}" "$@"; }\n${script}\n`,
  );
  return execFileSync('dbus-run-session', ['--', 'bash', file], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      XDG_RUNTIME_DIR: run,
      JAYCLOUD_SERVER: daemon.url,
      JAYCLOUD_PASSWORD: 'keychain test',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

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
    const output = inSession(
      home,
      [
        'jaycloud register keeper 2>register.err',
        'jaycloud whoami',
        'echo "--- kept"; secret-tool search --all service jaycloud 2>/dev/null | grep -c "^secret = "',
        'jaycloud logout',
        'echo "--- after"; secret-tool search --all service jaycloud 2>/dev/null | grep -c "^secret = " || true',
        'jaycloud whoami || echo "exit $?"',
      ]
        .join('\n')
        .replaceAll('register.err', join(home, 'register.err')),
      'unlocked',
    );
    expect(output).toMatch(/keeper on http/);
    expect(output).toMatch(/--- kept\n1\n/);
    expect(output).toMatch(/--- after\n0\n/);
    expect(output).toMatch(/exit 12/);
    expect(existsSync(join(home, '.config/jaycloud/config.json'))).toBe(true);
    expect(existsSync(join(home, '.config/jaycloud/credentials.json'))).toBe(false);
  });

  test('that is locked, with nobody to unlock it, is replaced by a file, and one line says so', () => {
    const home = makeTempDir();
    const output = inSession(home, 'jaycloud register locked-out 2>&1\njaycloud whoami', 'locked');
    expect(output).toMatch(/the keychain cannot be used: .*; keeping the credential in a file that only you can read/);
    expect(output).toMatch(/locked-out on http/);
    expect(existsSync(join(home, '.config/jaycloud/credentials.json'))).toBe(true);
  });

  test('chosen by hand is not replaced by a file', () => {
    const home = makeTempDir();
    const script = 'JAYCLOUD_CREDENTIAL_STORE=keychain jaycloud register insist 2>&1 || echo "exit $?"';
    expect(inSession(home, script, 'locked')).toMatch(/error: the keychain cannot be used[^]*exit 1/);
    expect(existsSync(join(home, '.config/jaycloud/credentials.json'))).toBe(false);
  });
});
