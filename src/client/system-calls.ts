// The few calls of the operating system that Node does not have: times to the nanosecond, holes of sparse files, a rename
// that never replaces. The only importer of koffi, which is optional: without it times keep about a quarter of a
// microsecond, holes are read as zeros, and a name is looked at before it is taken.
import { createRequire } from 'node:module';
import type { ByteText } from './byte-text.js';

const atCurrentDirectory = -100;
const atSymlinkNoFollow = 0x100;
/** In place of nanoseconds: leave this time alone (utimensat(2)). */
const utimeOmit = 0x3ffffffen;
const seekDataWhence = 3;
const seekHoleWhence = 4;

const renameNoReplaceFlag = 1;

export interface SystemCalls {
  /** Sets the modification time of an open file. False when the system refuses. */
  setFileModified(file: number, seconds: number, nanoseconds: number): boolean;
  /** Renames unless something has the new name; undefined where the file system cannot do that or another fault comes first. */
  renameNew(from: ByteText, to: ByteText): 'renamed' | 'taken' | undefined;
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

let loaded: SystemCalls | undefined;
let tried = false;

function load(): SystemCalls | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as {
      load(path: null): { func(prototype: string): NativeFunction };
      errno(): number;
      readonly os: { readonly errno: Readonly<Record<string, number>> };
    };
    const library = koffi.load(null);
    const utimensat = library.func('int utimensat(int, void*, void*, int)');
    const futimens = library.func('int futimens(int, void*)');
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
      renameNew(from, to) {
        if (renameat2 === undefined) return undefined;
        const cwd = atCurrentDirectory;
        if (renameat2(cwd, terminated(from), cwd, terminated(to), renameNoReplaceFlag) === 0) return 'renamed';
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
