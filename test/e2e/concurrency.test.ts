// Several clients of one vault at once: every push lands, under a version of its own, in one unbroken log.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { withDatabase } from '../helpers/data-dir.js';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Daemon, jsonLines, lastJson, Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

afterAll(removeTempDirs);

/** A small tree, half of which is the same in all of them. */
function makeTree(label: string): string {
  const tree = makeTempDir();
  mkdirSync(join(tree, 'folder'));
  writeFileSync(join(tree, 'folder/shared'), Buffer.alloc(300_000, 'shared by all'));
  writeFileSync(join(tree, 'own'), `only in ${label}`);
  return tree;
}

async function versionsOf(machine: Machine, name: string): Promise<unknown[]> {
  const logged = await machine.run(['log', name, '--json']);
  expect(logged.exit, logged.stderr).toBe(0);
  const versions = jsonLines(logged).filter(({ type }) => type !== 'summary');
  return versions.map(({ version }) => version).reverse();
}

/** Sequence numbers of the log as the daemon has it. Whether hashes chain, the clients that read it check. */
function logSequence(dataDir: string): number[] {
  return withDatabase(dataDir, (database) => {
    const rows = database.prepare('select seq from log_entries order by vault_no, seq').all() as { seq: number }[];
    return rows.map(({ seq }) => seq);
  });
}

describe('six clients of one account', () => {
  test('push at once under the same name and under names of their own, and every push lands', async () => {
    const daemon = await Daemon.start();
    const first = await machineOf(daemon, 'crowd', 'register');
    const machines = [first, ...(await Promise.all([1, 2].map(() => machineOf(daemon, 'crowd', 'login'))))];
    const trees = [0, 1, 2, 3, 4, 5].map((at) => makeTree(String(at)));
    // Two processes on each of three machines, so that they also share caches and remembered heads.
    const pushes = await Promise.all(
      trees.flatMap((tree, at) => {
        const machine = machines[at % machines.length] ?? first;
        return [
          machine.summary(['push', tree, '--name', 'common', '--tag', `t${String(at)}`]),
          machine.summary(['push', tree, '--name', `own-${String(at)}`]),
        ];
      }),
    );
    const common = pushes.filter(({ name }) => name === 'common').map(({ version }) => Number(version));
    expect(common.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(pushes.filter(({ name }) => name !== 'common').map(({ version }) => version)).toEqual([1, 1, 1, 1, 1, 1]);
    // A machine that has seen nothing yet checks the whole chain.
    const fresh = await machineOf(daemon, 'crowd', 'login');
    expect(await versionsOf(fresh, 'common')).toEqual([1, 2, 3, 4, 5, 6]);
    // Twelve pushes, and one certificate for each machine's session.
    expect(logSequence(daemon.dataDir)).toEqual(Array.from({ length: 15 }, (_, at) => at + 1));
    // Each version is the tree of whoever pushed it.
    for (const line of jsonLines(await fresh.run(['log', 'common', '--json'])).filter(
      ({ tags }) => tags !== undefined,
    )) {
      const [tag = ''] = line['tags'] as string[];
      const out = join(fresh.home, tag);
      await fresh.summary(['pull', `common@${String(line['version'])}`, out]);
      expectSameContents(trees[Number(tag.slice(1))] ?? '', out);
    }
    for (const machine of machines) expect(await versionsOf(machine, 'common')).toHaveLength(6);
    await daemon.stop();
  });
});

describe('two processes on one local vault', () => {
  test('push at once, on its very first use and later', async () => {
    const machine = new Machine();
    const trees = [makeTree('a'), makeTree('b'), makeTree('c')];
    const pushAll = () => Promise.all(trees.map((tree) => machine.run(['push', tree, '--name', 'local', '--json'])));
    const first = await pushAll();
    for (const outcome of first) expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(0);
    expect(first.map((outcome) => Number(lastJson(outcome)['version'])).sort()).toEqual([1, 2, 3]);
    expect(first.filter(({ stderr }) => stderr.includes('Recovery key'))).toHaveLength(1);
    const second = await pushAll();
    for (const outcome of second) expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(0);
    expect(await versionsOf(machine, 'local')).toEqual([1, 2, 3, 4, 5, 6]);
    for (const [at, outcome] of second.entries()) {
      const out = join(machine.home, `out-${String(at)}`);
      await machine.summary(['pull', `local@${String(lastJson(outcome)['version'])}`, out]);
      expectSameContents(trees[at] ?? '', out);
    }
    expect(logSequence(join(machine.env['JAYCLOUD_DATA_DIR'] ?? '', 'vault'))).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});
