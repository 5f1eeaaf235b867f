// The calls that Node does not have, on a real file system.
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { systemCalls } from '../../src/client/system-calls.js';
import { bytesKey } from '../../src/protocol/bytes.js';
import { makeTempDir, removeTempDirs } from '../helpers/programs.js';

afterAll(removeTempDirs);

const calls = systemCalls();

describe.runIf(process.platform === 'linux')('system calls', () => {
  test('are there on Linux', () => {
    expect(calls).toBeDefined();
  });

  test('rename to a free name, and never over anything, a dangling symlink included', () => {
    const folder = makeTempDir();
    const at = (name: string) => join(folder, name);
    const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    writeFileSync(at('from'), 'new');
    writeFileSync(at('taken'), 'old');
    symlinkSync('nowhere', at('link'));
    expect(calls?.renameNew(handle, 'from', 'taken')).toBe('taken');
    expect(calls?.renameNew(handle, 'from', 'link')).toBe('taken');
    expect(readFileSync(at('taken'), 'utf8')).toBe('old');
    expect(calls?.renameNew(handle, 'from', 'free')).toBe('renamed');
    expect(readFileSync(at('free'), 'utf8')).toBe('new');
    expect(existsSync(at('from'))).toBe(false);
    // Another fault is the caller's to meet again, with a message.
    expect(calls?.renameNew(handle, 'from', 'other')).toBeUndefined();
    closeSync(handle);
  });

  test('make a file in an open folder, for its owner alone, and never through what is there', () => {
    const folder = makeTempDir();
    const outside = join(makeTempDir(), 'outside');
    symlinkSync(outside, join(folder, 'link'));
    writeFileSync(join(folder, 'taken'), 'old');
    const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    for (const name of ['link', 'taken']) expect(calls?.createFile(handle, name)).toBeUndefined();
    expect(existsSync(outside)).toBe(false);
    const file = calls?.createFile(handle, 'new') ?? -1;
    writeSync(file, 'content');
    closeSync(file);
    expect(readFileSync(join(folder, 'new'), 'utf8')).toBe('content');
    expect(lstatSync(join(folder, 'new')).mode & 0o777).toBe(0o600);
    closeSync(handle);
  });

  test('set times to the nanosecond, of open files and of symlinks themselves', () => {
    const folder = makeTempDir();
    const path = join(folder, bytesKey(Uint8Array.of(0x66, 0xff)));
    const bytes = Buffer.from(path, 'latin1');
    writeFileSync(bytes, '');
    const file = openSync(bytes, 'r+');
    expect(calls?.setFileModified(file, -5, 999_999_999)).toBe(true);
    closeSync(file);
    expect(lstatSync(bytes, { bigint: true }).mtimeNs).toBe(-4_000_000_001n);
    expect(calls?.setModified(path, 1_700_000_000, 1)).toBe(true);
    expect(lstatSync(bytes, { bigint: true }).mtimeNs).toBe(1_700_000_000_000_000_001n);
    symlinkSync('nowhere', join(folder, 'link'));
    expect(calls?.setModified(join(folder, 'link'), 7, 8)).toBe(true);
    expect(lstatSync(join(folder, 'link'), { bigint: true }).mtimeNs).toBe(7_000_000_008n);
    expect(calls?.setModified(join(folder, 'absent'), 7, 8)).toBe(false);
  });
});
