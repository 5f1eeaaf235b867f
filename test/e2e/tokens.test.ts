// Tokens with the real programs: a machine with an empty home and JAYCLOUD_TOKEN, and nothing else.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Daemon, jsonLines, lastJson, Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let owner: Machine;
let tree: string;

const jobWith = (token: unknown) => new Machine({ JAYCLOUD_TOKEN: String(token) });

async function tokenOf(...args: string[]): Promise<{ id: string; job: Machine }> {
  const { id, token } = await owner.summary(['token', 'create', ...args]);
  return { id: String(id), job: jobWith(token) };
}

beforeAll(async () => {
  daemon = await Daemon.start();
  owner = await machineOf(daemon, 'owner', 'register');
  tree = makeTempDir();
  mkdirSync(join(tree, 'sub'));
  writeFileSync(join(tree, 'app.js'), 'shared content '.repeat(20_000));
  writeFileSync(join(tree, 'sub', 'id_rsa'), 'private content of a key');
  await owner.summary(['push', tree, '--name', 'laptop']);
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

describe('a token', () => {
  test('is one string, printed alone, and in JSON beside its id', async () => {
    const { exit, stdout, stderr } = await owner.run(['token', 'create', '--push-only']);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^jct_[0-9A-Za-z]{60,}\n$/);
    expect(stderr).toMatch(/JAYCLOUD_TOKEN/);
    expect(await owner.summary(['token', 'create', '--push-only'])).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      token: expect.stringMatching(/^jct_/) as string,
    });
  });

  test('with a slip in it is told from a whole one, and never repeated', async () => {
    const { token } = await owner.summary(['token', 'create', '--push-only']);
    const wrong = String(token).slice(0, -1);
    const outcome = await jobWith(wrong).run(['push', tree, '--name', 'x']);
    expect(outcome.exit).toBe(12);
    expect(outcome.stderr).toMatch(/not a whole token[^]*checksum/);
    expect(outcome.stderr).not.toContain(wrong.slice(4, 30));
  });

  test.each([
    [['--scope', 'fly']],
    [['--push-only', '--scope', 'pull']],
    [['--push-only', '--quota', 'much']],
    [['--push-only', '--expires', 'soon']],
    [['--push-only', '--name-prefix', '/']],
    [['--push-only', '--label', '']],
    [[]],
  ])('that cannot be meant is a usage error: %j', async (args) => {
    expect((await owner.run(['token', 'create', ...args])).exit).toBe(2);
  });
});

describe('a push-only token', () => {
  let job: Machine;
  let id: string;

  beforeAll(async () => {
    ({ id, job } = await tokenOf('--push-only', '--name-prefix', 'ci/', '--label', 'builder'));
  });

  test('pushes what the daemon has at once, remembers files on its machine, and sends nothing twice from another', async () => {
    const first = await job.summary(['push', tree, '--name', 'ci/build']);
    // The shared content is there already. The private file and the manifest have keys of the token's own.
    expect(first).toMatchObject({ version: 1, filesRead: 2, claimedBlobs: 1, newBlobs: 2 });
    expect(Number(first['bytesSent'])).toBeLessThan(5000);
    const again = await job.summary(['push', tree, '--name', 'ci/build']);
    expect(again).toMatchObject({ version: 2, filesRead: 0, bytesSent: 0 });
    const elsewhere = await jobWith(job.env['JAYCLOUD_TOKEN']).summary(['push', tree, '--name', 'ci/build']);
    expect(elsewhere).toMatchObject({ version: 3, filesRead: 2, bytesSent: 0 });
  });

  test('of another job shares no private content with it', async () => {
    const other = await tokenOf('--push-only', '--name-prefix', 'ci/');
    expect(await other.job.summary(['push', tree, '--name', 'ci/other'])).toMatchObject({
      claimedBlobs: 1,
      newBlobs: 2,
    });
  });

  test('can do nothing else: every other command is refused with 12, and changes nothing', async () => {
    const commands = [
      ['ls'],
      ['log'],
      ['ls', 'ci/build'],
      ['pull', 'ci/build', join(job.home, 'out')],
      ['cat', 'ci/build:app.js'],
      ['rm', 'ci/build@1'],
      ['forget', '--all', '--keep-last', '1'],
      ['token', 'create', '--push-only'],
      ['token', 'list'],
      ['token', 'revoke', id],
      ['session', 'list'],
      ['session', 'revoke', '--others'],
      ['passwd'],
      ['key', 'rotate'],
      ['push', tree, '--name', 'laptop'],
      ['push', tree, '--name', 'ci'],
    ];
    const before = await owner.run(['log', '--json']);
    for (const command of commands) {
      const outcome = await job.run([...command, '--json'], {
        env: { JAYCLOUD_PASSWORD: 'x', JAYCLOUD_NEW_PASSWORD: 'y' },
      });
      expect(outcome.exit, `${command.join(' ')}: ${outcome.stdout}${outcome.stderr}`).toBe(12);
      expect(lastJson(outcome)).toMatchObject({ type: 'error', code: 'forbidden' });
    }
    expect((await owner.run(['log', '--json'])).stdout).toBe(before.stdout);
  });

  test('says what it is', async () => {
    expect(await job.summary(['whoami'])).toMatchObject({
      tokenId: id,
      account: 'owner',
      scopes: ['push'],
      pushOnly: true,
    });
    const doctor = await job.run(['doctor']);
    expect(doctor.exit, doctor.stdout).toBe(0);
    expect(doctor.stdout).toMatch(/JAYCLOUD_TOKEN is token .* only push/);
  });

  test('its snapshots are the vault’s, with their author', async () => {
    const out = join(owner.home, 'from-ci');
    await owner.summary(['pull', 'ci/build@1', out]);
    expectSameContents(tree, out);
    const lines = jsonLines(await owner.run(['log', '--authors', '--json']));
    expect(lines.find(({ name, version }) => name === 'ci/build' && version === 1)?.['author']).toMatchObject({
      kind: 'token',
      id,
      label: 'builder',
      isPushOnly: true,
      certifiedBy: 'owner',
    });
    expect(lines.find(({ name }) => name === 'laptop')?.['author']).toMatchObject({
      kind: 'session',
      certifiedBy: 'owner',
    });
    expect((await owner.run(['log', '--authors'])).stdout).toMatch(
      /by push-only token [0-9a-f]{12} \(builder\), certified by owner/,
    );
    await owner.summary(['rm', 'ci/build@1']);
  });

  test('that was stolen pushes no good snapshot out', async () => {
    const thief = await tokenOf('--push-only');
    for (let good = 0; good < 3; good += 1) await owner.summary(['push', tree, '--name', 'photos', '--tag', 'good']);
    for (let bad = 0; bad < 5; bad += 1) await thief.job.summary(['push', tree, '--name', 'photos', '--tag', 'bad']);
    await owner.summary(['forget', 'photos', '--keep-last', '2']);
    const lines = jsonLines(await owner.run(['log', 'photos', '--json'])).slice(0, -1);
    const tags = lines.map(({ tags: [tag] = [] }: { tags?: string[] }) => tag);
    expect(tags).toEqual(['bad', 'bad', 'good', 'good']);
  });
});

describe('scopes', () => {
  test('list and pull, kept to a prefix, show and restore its names alone', async () => {
    await owner.summary(['push', tree, '--name', 'app/build']);
    const { job } = await tokenOf('--scope', 'list,pull', '--name-prefix', 'app');
    const names = jsonLines(await job.run(['ls', '--json'])).slice(0, -1);
    expect(names.map(({ name }) => name)).toEqual(['app/build']);
    const out = join(job.home, 'out');
    await job.summary(['pull', 'app/build', out]);
    expectSameContents(tree, out);
    for (const command of [
      ['pull', 'laptop', out],
      ['push', tree, '--name', 'app/x'],
      ['rm', 'app/build@1'],
    ]) {
      expect((await job.run(command)).exit, command.join(' ')).toBe(12);
    }
  });

  test('forget alone deletes without being able to read', async () => {
    await owner.summary(['push', tree, '--name', 'old/one']);
    const { job } = await tokenOf('--scope', 'forget', '--name-prefix', 'old/');
    expect((await job.run(['ls'])).exit).toBe(12);
    expect((await job.run(['rm', 'laptop@1'])).exit).toBe(12);
    expect(await job.summary(['rm', 'old/one@1'])).toMatchObject({ name: 'old/one', version: 1 });
  });

  test('push without --push-only shares the private content of the vault', async () => {
    const { job } = await tokenOf('--scope', 'push,pull');
    expect(await job.summary(['push', tree, '--name', 'laptop'])).toMatchObject({ newBlobs: 0, bytesSent: 0 });
    await job.summary(['pull', 'laptop', join(job.home, 'out')]);
  });
});

describe('an end', () => {
  test('comes at its time', async () => {
    const { job } = await tokenOf('--push-only', '--expires', '3s');
    await job.summary(['whoami']);
    await sleep(3100);
    const outcome = await job.run(['push', tree, '--name', 'late', '--json']);
    expect(outcome.exit).toBe(12);
    expect(String(lastJson(outcome)['message'])).toMatch(/expired/);
  });

  test('comes at once when it is revoked, by six digits of its id', async () => {
    const { id, job } = await tokenOf('--push-only');
    await job.summary(['push', tree, '--name', 'jobs']);
    expect((await owner.run(['token', 'revoke', id.slice(0, 5)])).exit).toBe(10);
    expect(await owner.summary(['token', 'revoke', id.slice(0, 6)])).toMatchObject({ revoked: 1, ids: [id] });
    const outcome = await job.run(['push', tree, '--name', 'jobs', '--json']);
    expect(outcome.exit).toBe(12);
    expect(String(lastJson(outcome)['message'])).toMatch(/revoked/);
    expect(await owner.summary(['token', 'revoke', id])).toMatchObject({ revoked: 0 });
    const listed = jsonLines(await owner.run(['token', 'list', '--json']));
    expect(listed.find((line) => line['id'] === id)).toMatchObject({ state: 'revoked' });
  });

  test('of room is exit 13', async () => {
    const { job } = await tokenOf('--push-only', '--quota', '1K');
    const outcome = await job.run(['push', tree, '--name', 'big', '--json']);
    expect(outcome.exit, outcome.stdout).toBe(13);
    expect(lastJson(outcome)).toMatchObject({ code: 'quota' });
  });
});

test('a token of a local vault works on its machine', async () => {
  const local = new Machine();
  await local.summary(['push', tree, '--name', 'home']);
  const { token } = await local.summary(['token', 'create', '--push-only', '--name-prefix', 'cron/']);
  const cron = new Machine({ JAYCLOUD_TOKEN: String(token) });
  expect(await cron.summary(['push', tree, '--name', 'cron/nightly'])).toMatchObject({ version: 1 });
  await local.summary(['pull', 'cron/nightly', join(local.home, 'out')]);
});
