// Reading one file in a sealing thread: what was walked may not be there any more when it is opened.
import { execFileSync } from 'node:child_process';
import { appendFileSync, lstatSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { byteTextOf } from '../../../src/client/byte-text.js';
import { chunkBytesMin, createGearTable } from '../../../src/client/chunker.js';
import { everyoneSalt } from '../../../src/client/dedup-domain.js';
import { createSealingMemory, type ReadFile, sealFile } from '../../../src/client/push/source-file.js';
import { sourceStatOf } from '../../../src/client/push/source-stat.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';

afterAll(removeTempDirs);

const memory = createSealingMemory([{ salt: everyoneSalt, gear: createGearTable() }]);
const sealed = { id: 'i'.repeat(32), key: 'k'.repeat(32) };

let path: string;

beforeEach(() => {
  path = join(makeTempDir(), 'file');
  writeFileSync(path, 'as it was walked');
});

const walk = () => sourceStatOf(lstatSync(path, { bigint: true }));

/** Reads the file after it was walked as `stat`; gives the content that was sealed, too. */
async function readAs(stat: ReturnType<typeof walk>): Promise<ReadFile & { readonly content: string }> {
  const [domain] = memory.domains;
  if (domain === undefined) throw new Error('no domain');
  const chunks: Buffer[] = [];
  const read = await sealFile({ source: byteTextOf(path), stat }, memory.window, domain, {
    seal: (raw) => {
      chunks.push(Buffer.from(raw));
      return sealed;
    },
    repeat: () => undefined,
    restart: () => {
      chunks.length = 0;
    },
  });
  return { ...read, content: Buffer.concat(chunks).toString() };
}

describe('a file that is read', () => {
  test('as it was walked needs no other stat', async () => {
    expect(await readAs(walk())).toEqual({
      stat: undefined,
      sizeBytes: 16,
      changed: false,
      content: 'as it was walked',
    });
  });

  test('and is empty has no content', async () => {
    truncateSync(path);
    expect(await readAs(walk())).toEqual({ stat: undefined, sizeBytes: 0, changed: false, content: '' });
  });

  test.each([
    [
      'longer',
      () => {
        appendFileSync(path, ', and more');
      },
      'as it was walked, and more',
    ],
    [
      'shorter',
      () => {
        truncateSync(path, 5);
      },
      'as it',
    ],
    [
      'empty',
      () => {
        truncateSync(path);
      },
      '',
    ],
    [
      'of other content and the same length',
      () => {
        writeFileSync(path, 'AS IT WAS WALKED');
      },
      'AS IT WAS WALKED',
    ],
  ])('and has become %s since it was walked is the new version as a whole', async (_what, change, content) => {
    const walked = walk();
    change();
    const read = await readAs(walked);
    expect(read).toMatchObject({ sizeBytes: content.length, changed: false, content });
    expect(read.stat).toEqual(walk());
  });

  test('and has grown beyond one chunk since it was walked is read to its end', async () => {
    const walked = walk();
    const content = 'x'.repeat(3 * chunkBytesMin);
    writeFileSync(path, content);
    expect(await readAs(walked)).toMatchObject({ sizeBytes: content.length, changed: false, content });
  });

  test('and was replaced by another of the same size and times is the other one', async () => {
    const walked = walk();
    writeFileSync(`${path}-2`, 'AS IT WAS WALKED');
    renameSync(`${path}-2`, path);
    const read = await readAs(walked);
    expect(read.content).toBe('AS IT WAS WALKED');
    expect(read.stat?.inode).toBe(walk().inode);
  });

  test.runIf(process.platform === 'linux')('is never a FIFO or a symlink that took its place', async () => {
    const walked = walk();
    rmSync(path);
    execFileSync('mkfifo', [path]);
    await expect(readAs(walked)).rejects.toThrow('is no longer a regular file');
    rmSync(path);
    symlinkSync('/etc/hostname', path);
    await expect(readAs(walked)).rejects.toMatchObject({ code: 'ELOOP' });
  });
});
