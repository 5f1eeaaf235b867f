// A real directory goes in from one machine and comes back on another, through both real programs.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Daemon, Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let tree: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  tree = makeTempDir();
  mkdirSync(join(tree, 'a/b'), { recursive: true });
  mkdirSync(join(tree, 'empty'));
  writeFileSync(join(tree, 'a/b/deep.txt'), 'deep\n');
  writeFileSync(join(tree, 'a-b'), 'sorts between a and a/b\n');
  writeFileSync(join(tree, 'empty-file'), '');
  writeFileSync(join(tree, 'big'), Buffer.alloc(9_000_000, 'jaycloud'));
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

describe('push and pull', () => {
  test('bring a tree back byte for byte on another machine with only account and password', async () => {
    const first = await machineOf(daemon, 'alice', 'register');
    const pushed = await first.summary(['push', tree, '--name', 'docs/tree']);
    expect(pushed).toMatchObject({ type: 'summary', name: 'docs/tree', version: 1, files: 4, problems: 0 });
    const second = await machineOf(daemon, 'alice', 'login');
    const out = join(second.home, 'out');
    const pulled = await second.summary(['pull', 'docs/tree', out]);
    expect(pulled).toMatchObject({ files: 4, bytes: pushed['bytes'], problems: 0 });
    execFileSync('diff', ['-r', tree, out]);
  });

  test('an unchanged tree pushed again reads no file and sends only a log entry', async () => {
    const machine = await machineOf(daemon, 'again', 'register');
    await machine.summary(['push', tree, '--name', 'tree']);
    const again = await machine.summary(['push', tree, '--name', 'tree']);
    expect(again).toMatchObject({ version: 2, filesRead: 0, bytesSent: 0, newBlobs: 0, powAttempts: 0 });
    writeFileSync(join(tree, 'a/b/deep.txt'), 'changed\n');
    const changed = await machine.summary(['push', tree, '--name', 'tree']);
    expect(changed).toMatchObject({ version: 3, filesRead: 1 });
  });

  test('a second account uploads no file content of a tree that the daemon has', async () => {
    const carol = await machineOf(daemon, 'carol', 'register');
    await carol.summary(['push', tree, '--name', 'tree']);
    const dave = await machineOf(daemon, 'dave', 'register');
    const pushed = await dave.summary(['push', tree, '--name', 'mine']);
    expect(pushed['claimedBlobs']).toBeGreaterThan(0);
    // One manifest leaf, and no more.
    expect(pushed).toMatchObject({ newBlobs: 1 });
    expect(pushed['bytesSent']).toBeLessThan(8192);
    const out = join(dave.home, 'out');
    await dave.summary(['pull', 'mine', out]);
    execFileSync('diff', ['-r', tree, out]);
  });

  test('without any configuration a local vault is made and used', async () => {
    const machine = new Machine();
    const pushed = await machine.run(['push', tree, '--name', 'local']);
    expect(pushed.exit).toBe(0);
    expect(pushed.stderr).toContain('Recovery key');
    expect(pushed.stdout).toContain('bring it back: jaycloud pull local@1 ./local-1');
    const pulled = await machine.run(['pull', 'local@1', './local-1']);
    expect(pulled.exit).toBe(0);
    execFileSync('diff', ['-r', tree, join(machine.home, 'local-1')]);
  });

  test('ls, log, cat, partial pull and rm work on what was pushed', async () => {
    const machine = await machineOf(daemon, 'reader', 'register');
    await machine.summary(['push', tree, '--name', 'one']);
    await machine.summary(['push', tree, '--name', 'one', '--tag', 'second']);
    expect((await machine.run(['ls'])).stdout).toMatch(/one@2\n$/);
    expect((await machine.run(['ls', 'one:a'])).stdout.trimEnd().split('\n')).toHaveLength(3);
    expect((await machine.run(['cat', 'one@1:a-b'])).stdout).toBe('sorts between a and a/b\n');
    expect((await machine.run(['log', 'one'])).stdout).toMatch(/one@2 .*#second\n.*one@1 /);
    await machine.summary(['pull', 'one:a', 'part']);
    execFileSync('diff', ['-r', join(tree, 'a'), join(machine.home, 'part')]);
    await machine.summary(['pull', 'one:a/b/deep.txt', 'single']);
    execFileSync('diff', [join(tree, 'a/b/deep.txt'), join(machine.home, 'single/deep.txt')]);
    await machine.summary(['rm', 'one@2']);
    expect((await machine.run(['log', 'one'])).stdout).not.toContain('one@2');
    expect((await machine.run(['pull', 'one@2', 'gone'])).exit).toBe(10);
    expect((await machine.run(['cat', 'one:nothing'])).exit).toBe(4);
    expect(await machine.summary(['push', tree, '--name', 'one'])).toMatchObject({ version: 3 });
  });
});
