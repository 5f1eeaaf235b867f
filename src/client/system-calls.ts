// The few calls of the operating system that Node does not have: times to the nanosecond, holes of sparse files, names in an
// open folder, a rename that never replaces. The only importer of koffi, which is optional: without it times keep about a quarter of a
// microsecond, holes are read as zeros, and a name is looked at before it is taken.
import { constants } from 'node:fs';
import { createRequire } from 'node:module';
import type { ByteText } from './byte-text.js';

const atCurrentDirectory = -100;
const atSymlinkNoFollow = 0x100;
/** In place of nanoseconds: leave this time alone (utimensat(2)). */
const utimeOmit = 0x3ffffffen;
const seekDataWhence = 3;
const seekHoleWhence = 4;

const renameNoReplaceFlag = 1;
/** Node does not name O_CLOEXEC, and sets it itself. */
const closeOnExecFlag = 0o2000000;
const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
const createFlags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | closeOnExecFlag;

export interface SystemCalls {
  /** Sets the modification time of an open file. False when the system refuses. */
  setFileModified(file: number, seconds: number, nanoseconds: number): boolean;
  /** Makes a file that only its owner may use in an open folder, to be written; undefined for any fault, a taken name too. */
  createFile(folder: number, name: ByteText): number | undefined;
  /**
   * Renames within an open folder unless something has the new name; undefined where the file system cannot do that or
   * another fault comes first.
   */
  renameNew(folder: number, from: ByteText, to: ByteText): 'renamed' | 'taken' | undefined;
  /** Sets the modification time of `path` itself, never of what a symlink points to. False when the system refuses. */
  setModified(path: ByteText, seconds: number, nanoseconds: number): boolean;
  /** Where data begins at or after `offset`; undefined where only a hole follows. */
  seekData(file: number, offset: number): number | undefined;
  /** Where the next hole begins at or after `offset`; undefined where the file system cannot tell. */
  seekHole(file: number, offset: number): number | undefined;
}

function terminated(path: ByteText): Buffer {
  return Buffer.from(`${path}\0`, 'latin1');
}

/** Undefined where the C library does not have it. */
function findFunction(find: () => NativeFunction): NativeFunction | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

type NativeFunction = (...args: unknown[]) => number;

interface Koffi {
  /** What the process has loaded already. */
  load(path: null): { func(prototype: string): NativeFunction };
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
}

let loaded: SystemCalls | undefined;
let tried = false;

function load(): SystemCalls | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const library = koffi.load(null);
    const utimensat = library.func('int utimensat(int, void*, void*, int)');
    const futimens = library.func('int futimens(int, void*)');
    const openat = library.func('int openat(int, void*, int, int)');
    const renameat2 = findFunction(() => library.func('int renameat2(int, void*, int, void*, unsigned int)'));
    const lseek = library.func('int64_t lseek(int, int64_t, int)');
    const times = new BigInt64Array([0n, utimeOmit, 0n, 0n]);
    const seek = (whence: number) => (file: number, offset: number) => {
      const found = lseek(file, offset, whence);
      return found < 0 ? undefined : found;
    };
    return {
      setModified(path, seconds, nanoseconds) {
        times[2] = BigInt(seconds);
        times[3] = BigInt(nanoseconds);
        return utimensat(atCurrentDirectory, terminated(path), times, atSymlinkNoFollow) === 0;
      },
      setFileModified(file, seconds, nanoseconds) {
        times[2] = BigInt(seconds);
        times[3] = BigInt(nanoseconds);
        return futimens(file, times) === 0;
      },
      createFile(folder, name) {
        const file = openat(folder, terminated(name), createFlags, 0o600);
        return file < 0 ? undefined : file;
      },
      renameNew(folder, from, to) {
        if (renameat2 === undefined) return undefined;
        if (renameat2(folder, terminated(from), folder, terminated(to), renameNoReplaceFlag) === 0) return 'renamed';
        return koffi.errno() === koffi.os.errno['EEXIST'] ? 'taken' : undefined;
      },
      seekData: seek(seekDataWhence),
      seekHole: seek(seekHoleWhence),
    };
  } catch {
    return undefined;
  }
}

/** The calls, or undefined where the package or the platform lacks them. Each thread loads its own. */
export function systemCalls(): SystemCalls | undefined {
  if (!tried) loaded = load();
  tried = true;
  return loaded;
}
