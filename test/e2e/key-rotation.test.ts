// Keys that have fallen into other hands: rotated with the real programs, without moving content.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credentialOf } from '../helpers/daemon-api.js';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Daemon, jsonLines, Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;

beforeAll(async () => {
  daemon = await Daemon.start();
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

function makeTree(): string {
  const tree = makeTempDir();
  mkdirSync(join(tree, 'sub'));
  writeFileSync(join(tree, 'a'), 'first');
  writeFileSync(join(tree, 'sub', 'id_rsa'), 'private');
  return tree;
}

const recoveryKeyIn = (text: string) => /([0-9A-Z]{4}-){13}[0-9A-Z]{4}/.exec(text)?.[0] ?? '';

describe('key rotate', () => {
  test('moves no content, keeps every snapshot readable and ends everybody else', async () => {
    const machine = await machineOf(daemon, 'rita', 'register');
    const other = await machineOf(daemon, 'rita', 'login');
    const tree = makeTree();
    await machine.summary(['push', tree, '--name', 'home']);
    const { token } = await machine.summary(['token', 'create', '--push-only']);
    const job = new Machine({ JAYCLOUD_TOKEN: String(token) });
    await job.summary(['push', tree, '--name', 'ci']);
    const outcome = await machine.run(['key', 'rotate', '--json']);
    expect(outcome.exit, outcome.stderr).toBe(0);
    expect(jsonLines(outcome).at(-1)).toMatchObject({ contentBytes: 0, endedSessions: 1, endedTokens: 1 });
    expect(recoveryKeyIn(outcome.stderr)).not.toBe('');
    expect((await other.run(['ls'])).exit).toBe(12);
    expect((await job.run(['push', tree, '--name', 'ci'])).exit).toBe(12);
    const fresh = await machineOf(daemon, 'rita', 'login');
    for (const [at, reference] of ['home@1', 'ci@1'].entries()) {
      const out = join(fresh.home, `out-${String(at)}`);
      await fresh.summary(['pull', reference, out]);
      expectSameContents(tree, out);
    }
    // Versions go on, and what is pushed now is sealed to the new keys.
    expect(await machine.summary(['push', tree, '--name', 'home'])).toMatchObject({ version: 2 });
    await fresh.summary(['pull', 'home@2', join(fresh.home, 'out-new')]);
    expectSameContents(tree, join(fresh.home, 'out-new'));
    const log = jsonLines(await fresh.run(['log', '--authors', '--json'])).slice(0, -1);
    expect(log.map(({ name, version }) => `${String(name)}@${String(version)}`)).toEqual(['home@2', 'ci@1', 'home@1']);
  });

  test('says in plain words how much it moved and what it does not undo', async () => {
    const machine = await machineOf(daemon, 'saul', 'register');
    const { exit, stdout } = await machine.run(['key', 'rotate']);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/moved 0 B of content, [\d.]+ kB of keys and wraps; 0 other sessions and 0 tokens ended/);
    expect(stdout).toMatch(/does not undo[^]*copied the old keys can still open every snapshot made before/);
  });

  test('needs the password; the old recovery key opens nothing afterwards, the new one everything', async () => {
    const machine = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'right' });
    const old = recoveryKeyIn((await machine.run(['register', 'tess'])).stderr);
    await machine.summary(['push', makeTree(), '--name', 'home']);
    const wrong = await machine.run(['key', 'rotate'], { env: { JAYCLOUD_PASSWORD: 'wrong' } });
    expect(wrong.exit).toBe(12);
    const rehearse = (key: string) => machine.run(['recovery', 'rehearse'], { env: { JAYCLOUD_RECOVERY_KEY: key } });
    expect((await rehearse(old)).exit).toBe(0);
    const rotated = recoveryKeyIn((await machine.run(['key', 'rotate'])).stderr);
    expect((await rehearse(old)).exit).toBe(12);
    expect((await rehearse(rotated)).exit).toBe(0);
    const empty = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'newest' });
    await empty.summary(['recover', 'tess'], 0, { env: { JAYCLOUD_RECOVERY_KEY: rotated } });
    await empty.summary(['pull', 'home', join(empty.home, 'out')]);
  });

  test('rotates a local vault without asking for a password', async () => {
    const machine = new Machine();
    const tree = makeTree();
    await machine.summary(['push', tree, '--name', 'local']);
    const before = credentialOf(machine).vaultSecrets;
    expect(await machine.summary(['key', 'rotate'])).toMatchObject({ contentBytes: 0 });
    expect(credentialOf(machine).vaultSecrets).toHaveLength(before.length + 1);
    await machine.summary(['push', tree, '--name', 'local']);
    for (const version of [1, 2]) {
      const out = join(machine.home, `out-${String(version)}`);
      await machine.summary(['pull', `local@${String(version)}`, out]);
      expectSameContents(tree, out);
    }
  });

  test('a token cannot rotate', async () => {
    const machine = await machineOf(daemon, 'uma', 'register');
    const { token } = await machine.summary(['token', 'create', '--scope', 'push,list,pull,forget']);
    const job = new Machine({ JAYCLOUD_TOKEN: String(token), JAYCLOUD_PASSWORD: 'x' });
    expect(await job.summary(['key', 'rotate'], 12)).toMatchObject({ code: 'forbidden' });
  });
});
