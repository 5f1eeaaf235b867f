// A pull that is interrupted: it ends soon, says so, and leaves whole files or none.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Machine, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let machine: Machine;
let tree: string;

beforeAll(async () => {
  machine = new Machine();
  tree = makeTempDir();
  for (let at = 0; at < 4000; at += 1) writeFileSync(join(tree, `small-${String(at)}`), randomBytes(3000));
  writeFileSync(join(tree, 'long'), randomBytes(120_000_000));
  await machine.summary(['push', tree, '--name', 'tree']);
}, 60_000);

afterAll(removeTempDirs);

describe('an interrupted pull', () => {
  test.each(['long', 'small-'])('ends with 130 and leaves nothing half-done, while it writes %s', async (name) => {
    const out = join(machine.home, `out-${name}`);
    const outcome = await machine.run(['pull', `tree${name === 'long' ? ':long' : ''}`, out], {
      onStart: (child) => {
        void (async () => {
          // The first file that appears, under whatever name, tells that writing has begun.
          while (!existsSync(out) || readdirSync(out).length === 0) await sleep(2);
          child.kill('SIGINT');
        })();
      },
    });
    expect(outcome).toMatchObject({ exit: 130, stdout: '' });
    expect(outcome.stderr).toContain('interrupted');
    const left = readdirSync(out);
    expect(left.length).toBeLessThan(4001);
    for (const file of left) expect(readFileSync(join(out, file)).equals(readFileSync(join(tree, file)))).toBe(true);
    // The same command again, with the rule for it, brings the rest.
    await machine.summary(['pull', 'tree', out, '--overwrite', 'if-changed']);
    expectSameContents(tree, out);
  });
});
