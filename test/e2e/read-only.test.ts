// Machines that can keep nothing: home folders that cannot be written, or only in parts.
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  Daemon,
  lastJson,
  Machine,
  machineOf,
  makeTempDir,
  type Outcome,
  powerless,
  removeTempDirs,
} from '../helpers/programs.js';

let daemon: Daemon;
let tree: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  tree = makeTempDir();
  writeFileSync(join(tree, 'file'), 'content');
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

function notesOf({ stderr }: Outcome): string[] {
  return stderr.split('\n').filter((line) => line !== '');
}

/** Runs without the rights of root, while these folders of the machine cannot be written. */
async function runReadOnly(machine: Machine, folders: readonly string[], args: readonly string[]): Promise<Outcome> {
  for (const folder of folders) chmodSync(join(machine.home, folder), 0o500);
  try {
    return await machine.run(args, { launcher: powerless });
  } finally {
    for (const folder of folders) chmodSync(join(machine.home, folder), 0o700);
  }
}

describe.skipIf(process.platform === 'win32')('where the config folder cannot be written', () => {
  test('register and login say so before anything is made', async () => {
    const machine = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'p' });
    for (const isThere of [false, true]) {
      if (isThere) mkdirSync(join(machine.home, 'config'));
      const folders = isThere ? ['config'] : ['.'];
      for (const command of ['register', 'login']) {
        const outcome = await runReadOnly(machine, folders, [command, 'early', '--json']);
        expect(outcome.exit).toBe(1);
        const { code, message, hint } = lastJson(outcome);
        expect(code).toBe('failed');
        expect(message).toContain(`cannot write to ${join(machine.home, 'config')}`);
        expect(hint).toBe('set JAYCLOUD_CONFIG_DIR to a folder that can be written');
        expect(outcome.stderr).not.toContain('Recovery key');
      }
    }
    // The name is still free.
    await machine.summary(['register', 'early']);
  });

  test('a local vault is not begun', async () => {
    const machine = new Machine();
    mkdirSync(join(machine.home, 'config'));
    const outcome = await runReadOnly(machine, ['config'], ['push', tree, '--json']);
    expect(lastJson(outcome)).toMatchObject({ type: 'error', code: 'failed' });
    expect(existsSync(join(machine.home, 'data'))).toBe(false);
  });

  test('and the passphrase is wrong, no account is made either', async () => {
    const passphrase = { JAYCLOUD_PASSPHRASE: 'right' };
    const machine = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'p', ...passphrase });
    await machine.summary(['register', 'first']);
    const wrong = await machine.run(['register', 'second', '--json'], { env: { JAYCLOUD_PASSPHRASE: 'wrong' } });
    expect(wrong.exit).toBe(12);
    expect(lastJson(wrong)).toMatchObject({ code: 'wrong-credential' });
    await machine.summary(['register', 'second']);
  });

  test('commands work, and one note says what is lost', async () => {
    const machine = await machineOf(daemon, 'reader', 'register');
    await machine.summary(['push', tree, '--name', 'tree']);
    const other = await machineOf(daemon, 'reader', 'login');
    for (const args of [
      ['ls'],
      ['log'],
      ['cat', 'tree:file'],
      ['push', tree, '--name', 'more'],
      ['rm', 'more@latest'],
    ]) {
      const outcome = await runReadOnly(other, ['config'], args);
      expect(outcome.exit, outcome.stderr).toBe(0);
      expect(notesOf(outcome)).toHaveLength(1);
      expect(outcome.stderr).toContain('this machine will not notice if the daemon goes back to an older state');
    }
    expect((await runReadOnly(other, ['config'], ['whoami'])).stderr).toBe('');
    // What was seen before still counts, and says nothing.
    expect(notesOf(await runReadOnly(machine, ['config/vaults'], ['cat', 'tree:file'])).length).toBeLessThanOrEqual(1);
  });
});

describe.skipIf(process.platform === 'win32')('where the cache folder cannot be made or written', () => {
  test('pushes and pulls work, and a push says once that there is no cache', async () => {
    const machine = await machineOf(daemon, 'cacheless', 'register');
    writeFileSync(join(machine.home, 'cache'), 'not a folder');
    for (let round = 0; round < 2; round += 1) {
      const pushed = await machine.run(['push', tree, '--name', 'tree']);
      expect(pushed.exit, pushed.stderr).toBe(0);
      expect(notesOf(pushed)).toHaveLength(1);
      expect(pushed.stderr).toContain('the next push will read every file: no cache was kept (');
    }
    const pulled = await machine.run(['pull', 'tree', 'out']);
    expect(pulled).toMatchObject({ exit: 0, stderr: '' });
    expect(await machine.summary(['push', tree, '--name', 'tree'])).toMatchObject({ filesRead: 1 });
  });

  test('an old cache that cannot be replaced is still used', async () => {
    const machine = await machineOf(daemon, 'frozen', 'register');
    const { vaultId } = await machine.summary(['whoami']);
    await machine.summary(['push', tree, '--name', 'tree']);
    const folder = join('cache', String(vaultId));
    const before = readdirSync(join(machine.home, folder));
    const pushed = await runReadOnly(machine, [folder], ['push', tree, '--name', 'tree', '--json']);
    expect(lastJson(pushed)).toMatchObject({ type: 'summary', filesRead: 0 });
    expect(readdirSync(join(machine.home, folder))).toEqual(before);
  });
});

describe.skipIf(process.platform === 'win32')('where the home folder cannot be written at all', () => {
  test('a token is enough to push, with a note for what is not kept', async () => {
    const owner = await machineOf(daemon, 'owner', 'register');
    const { token } = await owner.summary(['token', 'create', '--push-only']);
    const job = new Machine({ JAYCLOUD_TOKEN: String(token) });
    for (let round = 1; round <= 2; round += 1) {
      const pushed = await runReadOnly(job, ['.'], ['push', tree, '--name', 'ci', '--json']);
      expect(pushed.exit, pushed.stdout + pushed.stderr).toBe(0);
      expect(lastJson(pushed)).toMatchObject({ version: round, filesRead: 1 });
      expect(notesOf(pushed)).toHaveLength(2);
    }
    expect(readdirSync(job.home)).toEqual([]);
  });
});
