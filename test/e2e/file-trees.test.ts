// What a tree is made of survives a push and a pull; what cannot be stored is reported and costs nothing else.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameContents, isRoot, makeHardTree, metadataDifferences, writeSparse } from '../helpers/hard-tree.js';
import {
  Daemon,
  jsonLines,
  type Machine,
  machineOf,
  makeTempDir,
  powerless,
  removeTempDirs,
} from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;

beforeAll(async () => {
  daemon = await Daemon.start();
  machine = await machineOf(daemon, 'trees', 'register');
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

/** Pushes and pulls a tree and compares everything. */
async function roundTrip(tree: string, name: string): Promise<Record<string, unknown>> {
  const pushed = await machine.summary(['push', tree, '--name', name]);
  const out = join(machine.home, `${name}-out`);
  const pulled = await machine.summary(['pull', name, out]);
  expect(pulled).toMatchObject({ files: pushed['files'], bytes: pushed['bytes'], problems: 0 });
  expect(metadataDifferences(tree, out)).toEqual([]);
  expectSameContents(tree, out);
  rmSync(out, { recursive: true });
  return pushed;
}

describe('a tree with everything', () => {
  test('comes back with contents, names, modes, owners, times, links and holes', async () => {
    const tree = makeTempDir();
    makeHardTree(tree);
    await roundTrip(tree, 'hard');
  });

  test('comes back from a second push that read nothing', async () => {
    const tree = makeTempDir();
    makeHardTree(tree);
    await machine.summary(['push', tree, '--name', 'cached']);
    expect(await roundTrip(tree, 'cached')).toMatchObject({ filesRead: 0, bytesSent: 0 });
  });

  test('a part of it comes back without the first name of a hardlink', async () => {
    const tree = makeTempDir();
    mkdirSync(join(tree, 'a'));
    mkdirSync(join(tree, 'b'));
    writeFileSync(join(tree, 'a/first'), 'shared');
    linkSync(join(tree, 'a/first'), join(tree, 'b/second'));
    linkSync(join(tree, 'a/first'), join(tree, 'b/third'));
    await machine.summary(['push', tree, '--name', 'links']);
    const out = join(machine.home, 'links-part');
    await machine.summary(['pull', 'links:b', out]);
    expect(readFileSync(join(out, 'second'), 'utf8')).toBe('shared');
    expect(lstatSync(join(out, 'third')).ino).toBe(lstatSync(join(out, 'second')).ino);
    expect(lstatSync(join(out, 'second')).nlink).toBe(2);
    const single = join(machine.home, 'links-single');
    await machine.summary(['pull', 'links:b/third', single]);
    expect(readFileSync(join(single, 'third'), 'utf8')).toBe('shared');
  });

  test('setuid and setgid of files come back only when they are asked for', async () => {
    const tree = makeTempDir();
    writeFileSync(join(tree, 'program'), '#!/bin/sh\n');
    chmodSync(join(tree, 'program'), 0o6755);
    await machine.summary(['push', tree, '--name', 'setuid']);
    await machine.summary(['pull', 'setuid', 'masked']);
    expect(statSync(join(machine.home, 'masked/program')).mode & 0o7777).toBe(0o755);
    await machine.summary(['pull', 'setuid', 'kept', '--keep-setuid']);
    expect(statSync(join(machine.home, 'kept/program')).mode & 0o7777).toBe(0o6755);
  });

  test('names are printed so that no terminal obeys them, and as bytes in JSON', async () => {
    const tree = makeTempDir();
    writeFileSync(join(tree, '\u001b]0;owned\u0007\n'), '');
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0x41])]), '');
    await machine.summary(['push', tree, '--name', 'printed']);
    const listed = await machine.run(['ls', 'printed:']);
    expect(listed.exit).toBe(0);
    expect(listed.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(listed.stdout.trimEnd().split('\n')).toHaveLength(3);
    const lines = jsonLines(await machine.run(['ls', 'printed:', '--json']));
    const bytes = lines.map((line) => (typeof line['pathBase64'] === 'string' ? line['pathBase64'] : ''));
    expect(bytes.map((text) => Buffer.from(text, 'base64').toString('hex'))).toContain('ff41');
  });

  test('what is neither file, folder nor link is skipped with a note, and that is no fault', async () => {
    const tree = makeTempDir();
    writeFileSync(join(tree, 'file'), 'kept');
    execFileSync('mkfifo', [join(tree, 'fifo')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(tree, 'socket'), resolve));
    const pushed = await machine.run(['push', tree, '--name', 'special']);
    server.close();
    expect(pushed.exit).toBe(0);
    expect(pushed.stderr).toContain('fifo: a FIFO is not stored');
    expect(pushed.stderr).toContain('socket: a socket is not stored');
    await machine.summary(['pull', 'special', 'special-out']);
    expect(readdirSync(join(machine.home, 'special-out'))).toEqual(['file']);
  });
});

describe('large trees', () => {
  test('a folder of 50,000 entries', async () => {
    const tree = makeTempDir();
    for (let at = 0; at < 50_000; at += 1) writeFileSync(join(tree, `entry-${String(at)}`), String(at % 100));
    expect(await roundTrip(tree, 'wide')).toMatchObject({ files: 50_000 });
  });

  test('a file beyond 4 GiB keeps its holes and the data at its end', async () => {
    const tree = makeTempDir();
    const gib = 1024 ** 3;
    const pieces = [
      [0, Buffer.from('begin')],
      [4 * gib - 3, Buffer.from('across the border')],
      [5 * gib + 11, Buffer.from('end')],
    ] as const;
    writeSparse(join(tree, 'big'), 5 * gib + 14, pieces);
    await machine.summary(['push', tree, '--name', 'giant']);
    const out = join(machine.home, 'giant-out');
    await machine.summary(['pull', 'giant', out]);
    expect(metadataDifferences(tree, out)).toEqual([]);
    const file = openSync(join(out, 'big'), 'r');
    for (const [offset, bytes] of pieces) {
      const window = Buffer.alloc(bytes.length + 2 * 4096);
      const from = Math.max(0, offset - 4096);
      readSync(file, window, 0, window.length, from);
      const expected = Buffer.alloc(window.length);
      bytes.copy(expected, offset - from);
      expect(window.equals(expected)).toBe(true);
    }
    closeSync(file);
  });

  test('an installed package of thousands of files', async () => {
    const tree = fileURLToPath(new URL('../../node_modules/drizzle-orm', import.meta.url));
    expect((await roundTrip(tree, 'package'))['files']).toBeGreaterThan(2000);
  });
});

/** A user who is not allowed everything: nobody in particular, or root without its powers. */

describe('sources that cannot be read', () => {
  test('are reported with exit 3, the rest is stored and the snapshot says that it is partial', async () => {
    const tree = makeTempDir();
    mkdirSync(join(tree, 'closed'));
    writeFileSync(join(tree, 'closed/inside'), 'not to be seen');
    writeFileSync(join(tree, 'secret'), 'not to be read');
    writeFileSync(join(tree, 'open'), 'readable');
    for (const name of ['closed', 'secret']) {
      chmodSync(join(tree, name), 0);
      if (isRoot) chownSync(join(tree, name), 65_534, 65_534);
    }
    const pushed = await machine.run(['push', tree, '--name', 'partial', '--json'], { launcher: powerless });
    expect(pushed.exit, pushed.stderr).toBe(3);
    const lines = jsonLines(pushed);
    const problems = lines.filter(({ type }) => type === 'problem');
    expect(problems).toEqual(
      expect.arrayContaining([
        { type: 'problem', kind: 'unreadable', path: join(tree, 'closed'), message: 'permission denied' },
        { type: 'problem', kind: 'unreadable', path: join(tree, 'secret'), message: 'permission denied' },
      ]),
    );
    expect(lines.at(-1)).toMatchObject({ type: 'summary', files: 1, problems: 2 });
    const logged = jsonLines(await machine.run(['log', 'partial', '--json']));
    expect(logged[0]).toMatchObject({ partial: true });
    await machine.summary(['pull', 'partial', 'partial-out']);
    expect(readdirSync(join(machine.home, 'partial-out')).sort()).toEqual(['closed', 'open']);
    // Once they can be read, the next push has them all and is whole again.
    for (const name of ['closed', 'secret']) chmodSync(join(tree, name), 0o700);
    await machine.summary(['push', tree, '--name', 'partial']);
    expect(jsonLines(await machine.run(['log', 'partial', '--json']))[0]).toMatchObject({ version: 2, partial: false });
    chmodSync(join(tree, 'closed'), 0o700);
  });

  test('an error of the disk in the middle of the sources ends nothing', async () => {
    const tree = makeTempDir();
    writeFileSync(join(tree, 'file'), 'fine');
    // A regular file whose first page is never mapped: reading it fails for everybody.
    const pushed = await machine.run(['push', join(tree, 'file'), '/proc/self/mem', '--name', 'io', '--json']);
    expect(pushed.exit).toBe(3);
    const lines = jsonLines(pushed);
    expect(lines.find(({ type }) => type === 'problem')).toMatchObject({ kind: 'unreadable', path: '/proc/self/mem' });
    expect(lines.at(-1)).toMatchObject({ type: 'summary', files: 1, problems: 1 });
  });

  test('a path that does not exist is exit 4 alone and exit 3 beside others', async () => {
    const tree = makeTempDir();
    writeFileSync(join(tree, 'file'), 'there');
    const none = await machine.run(['push', join(tree, 'nothing'), '--name', 'missing']);
    expect(none.exit).toBe(4);
    const below = await machine.run(['push', join(tree, 'file/nothing'), '--name', 'missing']);
    expect(below.exit).toBe(4);
    chmodSync(tree, 0);
    if (isRoot) chownSync(tree, 65_534, 65_534);
    const hidden = await machine.run(['push', join(tree, 'file'), '--name', 'missing'], { launcher: powerless });
    expect(hidden).toMatchObject({ exit: 1, stdout: '' });
    expect(hidden.stderr).toContain(`'${join(tree, 'file')}': permission denied`);
    chmodSync(tree, 0o700);
    const some = await machine.summary(['push', join(tree, 'file'), join(tree, 'nothing'), '--name', 'missing'], 3);
    expect(some).toMatchObject({ files: 1, problems: 1 });
  });

  test('a file that changes while it is read is reported with exit 3 and read again next time', async () => {
    const tree = makeTempDir();
    const growing = join(tree, 'growing');
    writeFileSync(growing, Buffer.alloc(120_000_000, 'growing'));
    writeFileSync(join(tree, 'still'), 'still');
    const timer = setInterval(() => {
      appendFileSync(growing, 'more');
    }, 2);
    const pushed = await machine.run(['push', tree, '--name', 'moving', '--json']);
    clearInterval(timer);
    expect(pushed.exit).toBe(3);
    expect(jsonLines(pushed).filter(({ type }) => type === 'problem')).toEqual([
      { type: 'problem', kind: 'changed', path: growing, message: 'changed while it was read' },
    ]);
    expect(await machine.summary(['push', tree, '--name', 'moving'])).toMatchObject({ filesRead: 1, problems: 0 });
    await machine.summary(['pull', 'moving', 'moving-out']);
    expectSameContents(tree, join(machine.home, 'moving-out'));
  });

  test('files that vanish between the listing and the reading are reported with exit 3', async () => {
    const tree = makeTempDir();
    // The folder is listed at once; its last names go away while the first ones are being uploaded.
    for (let at = 0; at < 4; at += 1) writeFileSync(join(tree, `a${String(at)}`), randomBytes(40_000_000));
    const names = Array.from({ length: 200 }, (_, at) => join(tree, `z${String(at)}`));
    for (const name of names) writeFileSync(name, `short ${name}`);
    const pushed = await machine.run(['push', tree, '--name', 'vanishing', '--json'], {
      onStart: () => {
        const timer = setInterval(() => {
          if (!hasUploadBegun()) return;
          clearInterval(timer);
          for (const name of names) rmSync(name);
        }, 2);
      },
    });
    expect(pushed.exit, pushed.stderr).toBe(3);
    const problems = jsonLines(pushed).filter(({ type }) => type === 'problem');
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatchObject({ message: 'vanished while it was read' });
    await machine.summary(['pull', 'vanishing', 'vanishing-out']);
    expectSameContents(join(tree, 'a0'), join(machine.home, 'vanishing-out/a0'));
  });
});

/** True while the daemon holds an unfinished pack. */
function hasUploadBegun(): boolean {
  const folder = join(daemon.dataDir, 'tmp');
  return existsSync(folder) && readdirSync(folder).length > 0;
}
