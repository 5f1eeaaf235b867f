// One commit for requests that are ready at the same time: what each of them may count on.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from '../../src/daemon/db/connection.js';
import { countPacks, insertPack } from '../../src/daemon/db/packs.js';
import { GroupCommit } from '../../src/daemon/group-commit.js';
import { WorkMeter } from '../../src/daemon/work-meter.js';

let database: Database;

beforeEach(async () => {
  database = await openDatabase(':memory:');
});

afterEach(() => {
  database.close();
});

function groupsOf(changes: Partial<Database> = {}): GroupCommit {
  return new GroupCommit({ ...database, ...changes }, new WorkMeter());
}

describe('a group', () => {
  test('is one transaction, in the order of its works, and nobody is answered before it is committed', async () => {
    const commits = vi.fn();
    let depth = 0;
    const transaction: Database['transaction'] = (work) => {
      depth += 1;
      try {
        return database.transaction(work);
      } finally {
        depth -= 1;
        if (depth === 0) commits();
      }
    };
    const groups = groupsOf({ transaction });
    const answers = await Promise.all(
      [1, 2, 3].map(async (at) => {
        const packNo = await groups.run((tx) => insertPack(tx, `pack ${String(at)}`, 8, 0));
        expect(commits).toHaveBeenCalledTimes(1);
        return packNo;
      }),
    );
    expect(answers).toEqual([1, 2, 3]);
    expect(database.isInTransaction()).toBe(false);
    await groups.run((tx) => insertPack(tx, 'a later one', 8, 0));
    expect(commits).toHaveBeenCalledTimes(2);
  });

  test('keeps the others when one of them throws, and nothing of that one', async () => {
    const groups = groupsOf();
    const answers = await Promise.allSettled([
      groups.run((tx) => insertPack(tx, 'first', 8, 0)),
      groups.run((tx) => {
        insertPack(tx, 'second', 8, 0);
        throw new Error('refused');
      }),
      groups.run((tx) => insertPack(tx, 'third', 8, 0)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(countPacks(database.orm)).toBe(2);
  });

  test('fails as a whole when it cannot be committed', async () => {
    let depth = 0;
    const transaction: Database['transaction'] = (work) =>
      database.transaction((tx) => {
        depth += 1;
        const result = work(tx);
        depth -= 1;
        if (depth === 0) throw new Error('the disk is full');
        return result;
      });
    const groups = groupsOf({ transaction });
    const works = ['first', 'second'].map((packId) => groups.run((tx) => insertPack(tx, packId, 8, 0)));
    for (const answer of await Promise.allSettled(works)) expect(answer.status).toBe('rejected');
    expect(countPacks(database.orm)).toBe(0);
  });

  test('fails for everybody when SQLite itself has rolled it back', async () => {
    const groups = groupsOf();
    const works = [
      groups.run((tx) => insertPack(tx, 'first', 8, 0)),
      groups.run((tx) => {
        tx.run('rollback');
        throw new Error('the disk is full');
      }),
      groups.run((tx) => insertPack(tx, 'third', 8, 0)),
    ];
    for (const answer of await Promise.allSettled(works)) expect(answer.status).toBe('rejected');
    expect(countPacks(database.orm)).toBe(0);
    expect(await groups.run((tx) => insertPack(tx, 'later', 8, 0))).toBe(1);
  });
});
