// What only a terminal shows: prompts that hide what is typed, and the live line (docs/cli.md). `script` gives the program one.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProgram, Daemon, Machine, makeTempDir, removeTempDirs } from '../helpers/programs.js';

const controlC = '\x03';
const enter = '\r';

let daemon: Daemon;
let tree: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  tree = makeTempDir();
  for (let index = 0; index < 10; index += 1) writeFileSync(join(tree, String(index)), randomBytes(20_000_000));
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

/**
 * Types each answer when its question has appeared; gives the exit code and everything that was shown, without colours. The
 * terminal has no width of its own.
 */
function onTerminal(
  machine: Machine,
  args: readonly string[],
  answers: readonly (readonly [question: string, keys: string])[] = [],
  columns = 100,
): Promise<{ exit: number | null; shown: string }> {
  const words = [process.execPath, clientProgram, ...args].map((word) => `'${word}'`).join(' ');
  const command = `stty cols ${String(columns)} && ${words}`;
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], TERM: 'xterm', LANG: 'C.UTF-8', ...machine.env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const waiting = [...answers];
    let shown = '';
    let answeredTo = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      const next = waiting[0];
      const at = next === undefined ? -1 : shown.indexOf(next[0], answeredTo);
      if (next === undefined || at < 0) return;
      waiting.shift();
      answeredTo = at + next[0].length;
      child.stdin.write(next[1]);
    });
    child.on('error', reject);
    child.on('close', (exit) => {
      resolve({ exit, shown: stripVTControlCharacters(shown) });
    });
  });
}

const machineWithoutPassword = () => new Machine({ JAYCLOUD_SERVER: daemon.url });

describe.runIf(process.platform === 'linux')('on a terminal', () => {
  test('a new password is asked for twice and never shown, and each answer ends its line', async () => {
    const machine = machineWithoutPassword();
    const registered = await onTerminal(
      machine,
      ['register', 'tess'],
      [
        ['New password for tess:', `a long secret${enter}`],
        ['Again:', `a long secret${enter}`],
      ],
    );
    expect(registered.exit).toBe(0);
    expect(registered.shown).toContain('New password for tess: \r\nAgain: \r\n');
    expect(registered.shown).toContain('Recovery key, shown this once:');
    expect(registered.shown).toContain('registered and logged in as tess');
    expect(registered.shown).not.toContain('secret');

    const second = machineWithoutPassword();
    const login = await onTerminal(second, ['login', 'tess'], [['Password for tess:', `a long secret${enter}`]]);
    expect(login).toMatchObject({ exit: 0 });
    expect(login.shown).toContain('Password for tess: \r\n');
    const wrong = await onTerminal(second, ['login', 'tess'], [['Password for tess:', `another${enter}`]]);
    expect(wrong.exit).toBe(12);
  });

  test('two different passwords register nothing, and Ctrl-C ends with 130', async () => {
    const machine = machineWithoutPassword();
    const different = await onTerminal(
      machine,
      ['register', 'theo'],
      [
        ['New password for theo:', `one${enter}`],
        ['Again:', `two${enter}`],
      ],
    );
    expect(different).toMatchObject({ exit: 2 });
    expect(different.shown).toContain('\r\njaycloud: error: the two passwords differ');
    const given = await onTerminal(machine, ['register', 'theo'], [['New password for theo:', controlC]]);
    expect(given.exit).toBe(130);
    expect(given.shown).toContain('\r\njaycloud: error: interrupted');
    const free = await onTerminal(
      machine,
      ['register', 'theo'],
      [
        ['New password for theo:', `three${enter}`],
        ['Again:', `three${enter}`],
      ],
    );
    expect(free.exit).toBe(0);
  });

  test('passwd asks for the present password and twice for a new one, recover and rehearse for the key, all hidden', async () => {
    const machine = machineWithoutPassword();
    const registered = await onTerminal(
      machine,
      ['register', 'tove'],
      [
        ['New password for tove:', `old secret${enter}`],
        ['Again:', `old secret${enter}`],
      ],
    );
    const key = /(?:[0-9A-Z]{4}-){13}[0-9A-Z]{4}/.exec(registered.shown)?.[0] ?? '';
    const changed = await onTerminal(
      machine,
      ['passwd'],
      [
        ['Present password of tove:', `old secret${enter}`],
        ['New password for tove:', `new secret${enter}`],
        ['Again:', `new secret${enter}`],
      ],
    );
    expect(changed.exit).toBe(0);
    expect(changed.shown).toContain('changed the password of tove');
    const asked: [string, string] = ['Recovery key of tove:', `${key}${enter}`];
    const rehearsed = await onTerminal(machine, ['recovery', 'rehearse'], [asked]);
    expect(rehearsed.exit).toBe(0);
    const recovered = await onTerminal(
      machineWithoutPassword(),
      ['recover', 'tove'],
      [asked, ['New password for tove:', `last secret${enter}`], ['Again:', `last secret${enter}`]],
    );
    expect(recovered.exit).toBe(0);
    for (const { shown } of [changed, rehearsed, recovered]) {
      expect(shown).not.toContain(key);
      expect(shown).not.toContain('secret');
    }
    // A slip is told before a password is asked for.
    const slipped = await onTerminal(
      machineWithoutPassword(),
      ['recover', 'tove'],
      [['Recovery key of tove:', `x${enter}`]],
    );
    expect(slipped.exit).toBe(12);
    expect(slipped.shown).toContain('this is not a whole recovery key');
  });

  test('a push and a pull show a live line, which their result replaces; --quiet shows nothing', async () => {
    const machine = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'a long secret' });
    await machine.summary(['register', 'tara']);
    const pushed = await onTerminal(machine, ['push', tree, '--name', 'tree']);
    expect(pushed.exit).toBe(0);
    expect(pushed.shown).toMatch(/pushing \d+ files?, [\d.]+ \w*B(?: of [\d.]+ \w*B)?, [\d.]+ \w*B\/s/);
    expect(pushed.shown.trimEnd().split('\r\n').slice(-3).join('\n')).toMatch(
      /stored tree@1 .*\n {2}10 files, 200 MB; .*\nbring it back: jaycloud pull tree@1 \.\/tree-1$/,
    );
    const pulled = await onTerminal(machine, ['pull', 'tree', join(machine.home, 'out')]);
    expect(pulled.exit).toBe(0);
    expect(pulled.shown).toMatch(/pulling \d+ files?, [\d.]+ \w*B of 200 MB, [\d.]+ \w*B\/s/);
    const quiet = await onTerminal(machine, ['--quiet', 'pull', 'tree', join(machine.home, 'again')]);
    expect(quiet).toEqual({ exit: 0, shown: '' });
    // Nothing to draw on, as in a terminal that another program made.
    const narrow = await onTerminal(machine, ['pull', 'tree', join(machine.home, 'narrow')], [], 0);
    expect(narrow.exit).toBe(0);
    expect(narrow.shown).toMatch(/^pulled tree@1 into /);
  });
});
