// How commands end when they cannot do what they were asked for: the exit codes of docs/cli.md, each of them.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  clientProgram,
  Daemon,
  daemonProgram,
  jsonLines,
  Machine,
  machineOf,
  makeTempDir,
  type Outcome,
  removeTempDirs,
  runProgram,
} from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;
let tree: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  machine = await machineOf(daemon, 'known', 'register', 'right');
  tree = makeTempDir();
  writeFileSync(join(tree, 'file'), 'content');
  await machine.summary(['push', tree, '--name', 'there']);
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

/** The last line under --json is an error object of this shape, and nothing but it speaks of the failure. */
function expectError(outcome: Outcome, exit: number, code: string): Record<string, unknown> {
  expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(exit);
  const error = jsonLines(outcome).at(-1) ?? {};
  expect(error).toMatchObject({ type: 'error', code, exit });
  expect(error['message']).toMatch(/^[^.].*[^.]$/);
  expect(JSON.stringify(error)).not.toMatch(/ {4}at |\.js:\d|this should not happen/);
  if ('hint' in error) expect(typeof error['hint']).toBe('string');
  expect(Object.keys(error).filter((key) => !['type', 'code', 'exit', 'message', 'hint'].includes(key))).toEqual([]);
  return error;
}

describe('exit 2, usage', () => {
  test.each([
    [['push']],
    [['frobnicate']],
    [['push', '.', '--no-such-flag']],
    [['push', '.', '--dedup', 'nobody']],
    [['push', '.', '--name', 'a@b']],
    [['ls', '--server', 'not a url']],
    [['ls', '--server', 'http://storage.example:1']],
    [['ls', '--pow-max', 'minus one']],
    [['rm', 'there']],
    [['rm', 'there@1:file']],
    [['register', 'Has Spaces']],
  ])('%j', async (args) => {
    expectError(await machine.run([...args, '--json']), 2, 'usage');
    const plain = await machine.run(args);
    expect(plain).toMatchObject({ exit: 2, stdout: '' });
    expect(plain.stderr).toContain('jaycloud: error: ');
  });
});

describe('exit 4 and 10, nothing there', () => {
  test('a name, a version or a path that does not exist', async () => {
    expectError(await machine.run(['pull', 'nothing', 'out', '--json']), 10, 'not-found');
    expectError(await machine.run(['pull', 'there@7', 'out', '--json']), 10, 'not-found');
    expectError(await machine.run(['pull', 'there@no version', 'out', '--json']), 10, 'not-found');
    expectError(await machine.run(['log', 'nothing', '--json']), 10, 'not-found');
    expectError(await machine.run(['pull', 'there:no/such/path', 'out', '--json']), 4, 'nothing-matched');
    expectError(await machine.run(['cat', 'there:nothing', '--json']), 4, 'nothing-matched');
  });
});

describe('exit 11, conflict', () => {
  test('an account name that is taken', async () => {
    const other = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'other' });
    expectError(await other.run(['register', 'known', '--json']), 11, 'conflict');
    expectError(await other.run(['register', 'KNOWN', '--json']), 11, 'conflict');
  });
});

describe('exit 12, not logged in or wrong credential', () => {
  test('a wrong password and an unknown account say the same', async () => {
    const other = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'wrong' });
    const wrong = expectError(await other.run(['login', 'known', '--json']), 12, 'wrong-credential');
    const unknown = expectError(await other.run(['login', 'nobody', '--json']), 12, 'wrong-credential');
    expect(unknown).toEqual(wrong);
  });

  test('nobody is logged in, or no longer', async () => {
    const other = new Machine({ JAYCLOUD_SERVER: daemon.url });
    expectError(await other.run(['push', tree, '--json']), 12, 'not-logged-in');
    expectError(await new Machine().run(['ls', '--json']), 12, 'not-logged-in');
    const leaver = await machineOf(daemon, 'known', 'login', 'right');
    const kept = makeTempDir();
    cpSync(leaver.env['JAYCLOUD_CONFIG_DIR'] ?? '', kept, { recursive: true });
    await leaver.summary(['logout']);
    expectError(await leaver.run(['ls', '--json']), 12, 'not-logged-in');
    // Whoever copied the credential before has a session that the daemon has ended.
    expectError(await leaver.run(['ls', '--json'], { env: { JAYCLOUD_CONFIG_DIR: kept } }), 12, 'not-logged-in');
  });
});

describe('exit 13, quota', () => {
  test('a push beyond the quota publishes nothing, one within it still works', async () => {
    const small = await Daemon.start({ args: ['--quota', '1M'] });
    const user = await machineOf(small, 'limited', 'register');
    const large = makeTempDir();
    writeFileSync(join(large, 'large'), randomBytes(2_000_000));
    expectError(await user.run(['push', large, '--name', 'large', '--json']), 13, 'quota');
    expectError(await user.run(['log', 'large', '--json']), 10, 'not-found');
    await user.summary(['push', tree, '--name', 'small']);
    await user.summary(['pull', 'small', 'out']);
    await small.stop();
  });
});

describe('exit 14, refused by proof of work', () => {
  test('a price above --pow-max is not paid', async () => {
    const guarded = await Daemon.start({ pow: 'floor' });
    const user = new Machine({ JAYCLOUD_SERVER: guarded.url, JAYCLOUD_PASSWORD: 'p' });
    expectError(await user.run(['--pow-max', '0', 'register', 'frugal', '--json']), 14, 'refused');
    expectError(await user.run(['register', 'frugal', '--pow-max', '0.01', '--json']), 14, 'refused');
    await guarded.stop();
  });
});

describe('exit 15, integrity', () => {
  test('a daemon that forgets entries of the log is not believed by who has seen them', async () => {
    let forgetful = await Daemon.start();
    const user = await machineOf(forgetful, 'remembers', 'register');
    await user.summary(['push', tree, '--name', 'log']);
    await forgetful.stop();
    const backup = makeTempDir();
    cpSync(forgetful.dataDir, backup, { recursive: true });
    forgetful = await Daemon.start({ dataDir: forgetful.dataDir, port: forgetful.port });
    await user.summary(['push', tree, '--name', 'log']);
    await forgetful.stop();
    rmSync(forgetful.dataDir, { recursive: true });
    cpSync(backup, forgetful.dataDir, { recursive: true });
    forgetful = await Daemon.start({ dataDir: forgetful.dataDir, port: forgetful.port });
    for (const args of [['ls'], ['pull', 'log', 'out'], ['push', tree, '--name', 'log'], ['rm', 'log@1']]) {
      expectError(await user.run([...args, '--json']), 15, 'integrity');
    }
    // What was seen is remembered beside the configuration, not in the cache.
    rmSync(user.env['JAYCLOUD_CACHE_DIR'] ?? '', { recursive: true });
    expectError(await user.run(['push', tree, '--name', 'log', '--json']), 15, 'integrity');
    // Who has seen nothing cannot know; nothing was published by the refused pushes.
    const fresh = await machineOf(forgetful, 'remembers', 'login');
    expect(jsonLines(await fresh.run(['log', 'log', '--json'])).filter(({ type }) => type !== 'summary')).toHaveLength(
      1,
    );
    await forgetful.stop();
  });
});

describe('exit 16, unreachable', () => {
  test('a daemon that resets every connection is tried several times with growing waits', async () => {
    const attempts: number[] = [];
    const server = createServer((socket) => {
      attempts.push(performance.now());
      socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const user = new Machine({ JAYCLOUD_SERVER: `http://127.0.0.1:${String(port)}`, JAYCLOUD_PASSWORD: 'p' });
    expectError(await user.run(['login', 'anybody', '--json']), 16, 'unreachable');
    server.close();
    expect(attempts.length).toBeGreaterThanOrEqual(4);
    const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    expect(waits.at(-1)).toBeGreaterThan(2 * (waits[0] ?? 0));
  });
});

describe('exit 130, interrupted', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle of a push publishes nothing', async (signal) => {
    const large = makeTempDir();
    for (let at = 0; at < 8; at += 1) writeFileSync(join(large, String(at)), randomBytes(20_000_000));
    const temporary = join(daemon.dataDir, 'tmp');
    const pushed = await machine.run(['push', large, '--name', signal, '--json'], {
      onStart: (child) => {
        void (async () => {
          while (readdirSync(temporary).length === 0) await sleep(2);
          child.kill(signal);
        })();
      },
    });
    expectError(pushed, 130, 'interrupted');
    expectError(await machine.run(['log', signal, '--json']), 10, 'not-found');
  });
});

describe('a reader that has seen enough', () => {
  test.each(['', ' --json'])('ends `ls%s | head -1` without a fault', async (flag) => {
    const many = makeTempDir();
    mkdirSync(join(many, 'folder'));
    for (let at = 0; at < 8000; at += 1) writeFileSync(join(many, 'folder', `a-rather-long-name-${String(at)}`), '');
    await machine.summary(['push', many, '--name', 'many']);
    const line = `set -o pipefail; "${process.execPath}" "${clientProgram}" ls many:${flag} | head -1`;
    const env = { ...machine.env, PATH: process.env['PATH'] ?? '' };
    // A failure of either program would reject.
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', line], { env });
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toBe('');
  });
});

describe.runIf(process.platform === 'linux')('standard output on a full disk', () => {
  test.each([['ls'], ['cat there:file'], ['--json ls']])('is a failure of %s', async (line) => {
    const args = line.split(' ');
    const outcome = await machine.run(args, { launcher: ['sh', '-c', 'exec "$@" > /dev/full', 'sh'] });
    expect(outcome.exit).toBe(1);
    const said = args.includes('--json') ? /^$/ : /^jaycloud: error: standard output cannot be written: ENOSPC/;
    expect(outcome.stderr).toMatch(said);
  });
});

test.runIf(process.platform === 'linux')(
  'a target that cannot be made ends a pull, and a data directory a daemon',
  async () => {
    const outcome = await machine.run(['pull', 'there', '/proc/none/of/these', '--json'], {
      launcher: ['timeout', '20'],
    });
    expectError(outcome, 1, 'failed');
    const served = await runProgram(daemonProgram, ['serve', '--data', '/proc/none/of/these'], {
      launcher: ['timeout', '20'],
    });
    expect(served.stderr).toContain("jaycloudd: error: ENOENT: no such file or directory, mkdir '/proc/none'");
    expect(served.exit).toBe(1);
  },
);
