// Keys that survive real life: another password, the way back with the recovery key alone, and an end to sessions elsewhere.
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dumpRows } from '../helpers/account-daemon.js';
import { credentialOf } from '../helpers/daemon-api.js';
import { expectSameContents } from '../helpers/hard-tree.js';
import {
  Daemon,
  jsonLines,
  lastJson,
  Machine,
  makeTempDir,
  type Outcome,
  removeTempDirs,
} from '../helpers/programs.js';

let daemon: Daemon;
let tree: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  tree = makeTempDir();
  writeFileSync(join(tree, 'large'), randomBytes(3_000_000));
  writeFileSync(join(tree, 'small'), 'content\n');
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

const keyIn = ({ stderr }: Outcome): string => {
  const key = /(?:[0-9A-Z]{4}-){13}[0-9A-Z]{4}/.exec(stderr)?.[0];
  if (key === undefined) throw new Error(`no recovery key in: ${stderr}`);
  return key;
};

/** Another checksum or another key: one character is changed. */
const slip = (key: string) => (key.startsWith('0') ? `1${key.slice(1)}` : `0${key.slice(1)}`);

interface Owner {
  readonly machine: Machine;
  readonly key: string;
}

const at = (server: string, env: Record<string, string> = {}) => new Machine({ JAYCLOUD_SERVER: server, ...env });

async function registered(name: string, server = daemon.url): Promise<Owner> {
  const machine = at(server);
  const outcome = await machine.run(['register', name, '--password-stdin'], { input: `first of ${name}\n` });
  expect(outcome.exit, outcome.stderr).toBe(0);
  return { machine, key: keyIn(outcome) };
}

async function loggedIn(name: string, password = `first of ${name}`): Promise<Machine> {
  const machine = at(daemon.url);
  await machine.summary(['login', name, '--password-stdin'], 0, { input: password });
  return machine;
}

function expectError(outcome: Outcome, exit: number, code: string): Record<string, unknown> {
  expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(exit);
  const error = lastJson(outcome);
  expect(error).toMatchObject({ type: 'error', code, exit });
  return error;
}

describe('passwd', () => {
  test('from a second machine ends the first one, and only the new password logs in', async () => {
    const { machine: first } = await registered('ann');
    await first.summary(['push', tree, '--name', 'tree']);
    const second = await loggedIn('ann');
    const changed = await second.summary(['passwd', '--password-stdin'], 0, { input: 'first of ann\nsecond\n' });
    expect(changed).toMatchObject({ type: 'summary', account: 'ann', server: daemon.url, endedSessions: 1 });
    const ended = expectError(await first.run(['ls', '--json']), 12, 'not-logged-in');
    expect(ended['hint']).toContain('jaycloud login');
    const old = await at(daemon.url).run(['login', 'ann', '--password-stdin', '--json'], { input: 'first of ann' });
    expectError(old, 12, 'wrong-credential');
    const third = await loggedIn('ann', 'second');
    for (const machine of [second, third]) {
      await machine.summary(['pull', 'tree', 'out']);
      expectSameContents(tree, join(machine.home, 'out'));
    }
    const said = await second.run(['passwd'], {
      env: { JAYCLOUD_PASSWORD: 'second', JAYCLOUD_NEW_PASSWORD: 'third' },
    });
    expect(said).toMatchObject({ exit: 0, stderr: '' });
    expect(said.stdout).toContain('1 other session ended');
  });

  test('takes the new password from standard input where a variable has the present one', async () => {
    const { machine } = await registered('bea');
    const env = { JAYCLOUD_PASSWORD: 'first of bea' };
    const two = await machine.run(['passwd', '--password-stdin', '--json'], { env, input: 'one\ntwo\n' });
    expectError(two, 2, 'usage');
    await machine.summary(['passwd', '--password-stdin'], 0, { env, input: 'one\n' });
    await loggedIn('bea', 'one');
  });

  test('a wrong present password changes nothing', async () => {
    const { machine } = await registered('cleo');
    const rows = dumpRows(daemon.dataDir);
    const input = 'wrong\nsecond\n';
    expectError(await machine.run(['passwd', '--password-stdin', '--json'], { input }), 12, 'wrong-credential');
    expectError(await machine.run(['passwd', '--password-stdin', '--json'], { input: 'one\n' }), 2, 'usage');
    expectError(await machine.run(['passwd', '--json']), 2, 'usage');
    expect(dumpRows(daemon.dataDir)).toEqual(rows);
    expectError(await at(daemon.url).run(['passwd', '--json']), 12, 'not-logged-in');
  });
});

describe('recover', () => {
  test('on a machine that has nothing sets a password, logs in, ends all sessions, and pulls the same bytes', async () => {
    const { machine: lost, key } = await registered('dora');
    await lost.summary(['push', tree, '--name', 'tree']);
    const other = await loggedIn('dora');
    const fresh = at(daemon.url);
    const input = `${key.toLowerCase().replaceAll('-', ' ')}\nremembered now\n`;
    const flags = ['--recovery-key-stdin', '--password-stdin'];
    const summary = await fresh.summary(['recover', 'dora', ...flags], 0, { input });
    const { vaultId } = credentialOf(lost);
    expect(summary).toMatchObject({ type: 'summary', account: 'dora', vaultId, endedSessions: 2 });
    await fresh.summary(['pull', 'tree', 'out']);
    expectSameContents(tree, join(fresh.home, 'out'));
    for (const machine of [lost, other]) expectError(await machine.run(['ls', '--json']), 12, 'not-logged-in');
    const old = await at(daemon.url).run(['login', 'dora', '--password-stdin', '--json'], { input: 'first of dora' });
    expectError(old, 12, 'wrong-credential');
    await (await loggedIn('dora', 'remembered now')).summary(['ls']);
    // The key stays good, and what is pushed after a recovery continues the same log.
    await fresh.summary(['push', tree, '--name', 'tree']);
    const again = at(daemon.url, { JAYCLOUD_RECOVERY_KEY: key, JAYCLOUD_PASSWORD: 'forgotten once more' });
    const said = await again.run(['recover', 'dora']);
    expect(said).toMatchObject({ exit: 0 });
    expect(said.stdout).toContain('the recovery key stays the same');
    expect(said.stdout + said.stderr).not.toContain(key);
    expect(jsonLines(await again.run(['log', 'tree', '--json']))).toHaveLength(3);
  });

  test('a wrong key and an unknown account say the same, a slip says what it is, and nothing changes', async () => {
    const { key } = await registered('eve');
    const { key: another } = await registered('fay');
    const rows = dumpRows(daemon.dataDir);
    const fresh = at(daemon.url, { JAYCLOUD_PASSWORD: 'new' });
    const recover = (account: string, text: string) =>
      fresh.run(['recover', account, '--recovery-key-stdin', '--json'], { input: `${text}\n` });
    const wrong = expectError(await recover('eve', another), 12, 'wrong-credential');
    const unknown = expectError(await recover('nobody', another), 12, 'wrong-credential');
    expect(unknown).toEqual(wrong);
    const slipped = expectError(await recover('eve', slip(key)), 12, 'wrong-credential');
    expect(slipped['message']).toBe('the recovery key has a typing error');
    const short = expectError(await recover('eve', key.slice(0, 20)), 12, 'wrong-credential');
    expect(short['message']).toBe('this is not a whole recovery key');
    expectError(await fresh.run(['recover', '--json']), 2, 'usage');
    expectError(await fresh.run(['recover', 'eve', '--json']), 2, 'usage');
    expect(dumpRows(daemon.dataDir)).toEqual(rows);
  });
});

describe('recovery rehearse', () => {
  test('proves the key with and without a login, and changes nothing', async () => {
    const { machine, key } = await registered('gus');
    const { key: another } = await registered('hal');
    const config = readFileSync(join(machine.home, 'config', 'credentials.json'), 'utf8');
    const rows = dumpRows(daemon.dataDir);
    const rehearse = (from: Machine, text: string, ...words: string[]) =>
      from.run(['recovery', 'rehearse', ...words, '--recovery-key-stdin', '--json'], { input: `${text}\n` });
    expect(lastJson(await rehearse(machine, key))).toMatchObject({ account: 'gus', comparedHere: true });
    const fresh = at(daemon.url);
    expect(lastJson(await rehearse(fresh, key, 'gus'))).toMatchObject({ account: 'gus', comparedHere: false });
    expectError(await rehearse(machine, another), 12, 'wrong-credential');
    expectError(await rehearse(machine, slip(key)), 12, 'wrong-credential');
    expectError(await rehearse(fresh, key), 2, 'usage');
    const plain = await machine.run(['recovery', 'rehearse'], { env: { JAYCLOUD_RECOVERY_KEY: key } });
    expect(plain).toMatchObject({ exit: 0, stderr: '' });
    expect(plain.stdout).toMatch(/^the recovery key opens gus on .*nothing was changed\n$/);
    expect(dumpRows(daemon.dataDir)).toEqual(rows);
    expect(readFileSync(join(machine.home, 'config', 'credentials.json'), 'utf8')).toBe(config);
  });

  test('compares with the keys of this machine', async () => {
    const { machine, key } = await registered('ida');
    const path = join(machine.home, 'config', 'credentials.json');
    const { root } = credentialOf(machine);
    writeFileSync(path, readFileSync(path, 'utf8').replace(root, randomBytes(32).toString('base64url')));
    const env = { JAYCLOUD_RECOVERY_KEY: key };
    expectError(await machine.run(['recovery', 'rehearse', '--json'], { env }), 15, 'integrity');
  });
});

describe('sessions', () => {
  test('are listed, and ended by the first digits of their ids or all together', async () => {
    const { machine } = await registered('jo');
    const others = [await loggedIn('jo'), await loggedIn('jo'), await loggedIn('jo')];
    const list = async () => jsonLines(await machine.run(['session', 'list', '--json']));
    const lines = await list();
    expect(lines.at(-1)).toEqual({ type: 'summary', sessions: 4 });
    const own = lines.filter(({ isCurrent }) => isCurrent === true);
    expect(own.map(({ session }) => session)).toEqual([credentialOf(machine).sessionId]);
    const plain = await machine.run(['session', 'list', '--quiet']);
    expect(plain.stdout.trimEnd().split('\n')).toHaveLength(4);
    expect(plain.stdout.match(/\(this one\)/g)).toHaveLength(1);

    const [one = '', two = ''] = others.map((other) => credentialOf(other).sessionId);
    const revoke = (...words: string[]) => machine.run(['session', 'revoke', ...words, '--json']);
    expectError(await revoke(one.slice(0, 5)), 2, 'usage');
    expectError(await revoke(), 2, 'usage');
    expectError(await revoke(one, '--others'), 2, 'usage');
    expectError(await revoke('0'.repeat(32)), 10, 'not-found');
    const refused = expectError(await revoke(one, credentialOf(machine).sessionId), 2, 'usage');
    expect(refused['hint']).toContain('logout');
    expect((await list()).at(-1)).toEqual({ type: 'summary', sessions: 4 });

    expect(lastJson(await revoke(one.slice(0, 10).toUpperCase(), two))).toEqual({ type: 'summary', endedSessions: 2 });
    expectError((await others[0]?.run(['ls', '--json'])) ?? neverRun(), 12, 'not-logged-in');
    expect(lastJson(await revoke('--others'))).toEqual({ type: 'summary', endedSessions: 1 });
    for (const other of others) expectError(await other.run(['ls', '--json']), 12, 'not-logged-in');
    expect((await list()).at(-1)).toEqual({ type: 'summary', sessions: 1 });
  });

  test('of another account are not seen and not ended', async () => {
    const { machine: kim } = await registered('kim');
    const { machine: lea } = await registered('lea');
    const id = credentialOf(lea).sessionId;
    expectError(await kim.run(['session', 'revoke', id, '--json']), 10, 'not-found');
    await lea.summary(['ls']);
  });

  test('end by themselves after --session-ttl without use, and live on with it', async () => {
    const short = await Daemon.start({ args: ['--session-ttl', '4s'] });
    const { machine: used } = await registered('mia', short.url);
    const { machine: idle } = await registered('nea', short.url);
    const startedAt = performance.now();
    while (performance.now() - startedAt < 5500) {
      await used.summary(['ls']);
      await sleep(300);
    }
    await used.summary(['whoami']);
    const ended = expectError(await idle.run(['ls', '--json']), 12, 'not-logged-in');
    expect(ended['hint']).toContain('jaycloud login');
    await short.stop();
  });
});

function neverRun(): Outcome {
  throw new Error('there is no such machine');
}

describe('the local default vault', () => {
  test('is rehearsed and recovered without a name, and passwd gives it a password of its own', async () => {
    const machine = new Machine();
    const pushed = await machine.run(['push', tree, '--name', 'tree']);
    expect(pushed.stderr).toContain("'jaycloud recover' takes it");
    const key = keyIn(pushed);
    const dataDir = join(machine.home, 'data', 'vault');
    const rows = dumpRows(dataDir);
    const env = { JAYCLOUD_RECOVERY_KEY: key };
    const rehearsed = await machine.summary(['recovery', 'rehearse'], 0, { env });
    expect(rehearsed).toMatchObject({ account: 'local', comparedHere: true });
    const wrong = await machine.run(['recovery', 'rehearse', '--json'], {
      env: { JAYCLOUD_RECOVERY_KEY: slip(key) },
    });
    expectError(wrong, 12, 'wrong-credential');
    expect(dumpRows(dataDir)).toEqual(rows);

    expect(credentialOf(machine).password).toMatch(/^[\w-]{43}$/);
    await machine.summary(['passwd', '--password-stdin'], 0, { input: 'mine\n' });
    expect(credentialOf(machine)).not.toHaveProperty('password');
    await machine.summary(['ls']);
    await machine.summary(['logout']);
    expectError(await machine.run(['ls', '--json']), 12, 'not-logged-in');
    const login = (password: string) =>
      machine.run(['login', 'local', '--json'], { env: { JAYCLOUD_PASSWORD: password } });
    expectError(await login('not mine'), 12, 'wrong-credential');
    expect((await login('mine')).exit).toBe(0);

    // The machine loses its keys; the folder and the written-down key are left.
    rmSync(join(machine.home, 'config'), { recursive: true });
    rmSync(join(machine.home, 'cache'), { recursive: true });
    await machine.summary(['recover'], 0, { env: { ...env, JAYCLOUD_PASSWORD: 'found again' } });
    await machine.summary(['pull', 'tree', 'out']);
    expectSameContents(tree, join(machine.home, 'out'));
  });
});
