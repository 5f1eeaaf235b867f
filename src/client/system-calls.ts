// The few calls of the operating system that Node does not have: times to the nanosecond and holes of sparse files.
// The only importer of koffi, which is optional: without it times keep about a quarter of a microsecond and holes are read as zeros.
import { createRequire } from 'node:module';

const atCurrentDirectory = -100;
const atSymlinkNoFollow = 0x100;
/** In place of nanoseconds: leave this time alone (utimensat(2)). */
const utimeOmit = 0x3ffffffen;
const seekDataWhence = 3;
const seekHoleWhence = 4;

export interface SystemCalls {
  /** Sets the modification time of `path` itself, never of what a symlink points to. False when the system refuses. */
  setModified(path: Uint8Array, seconds: number, nanoseconds: number): boolean;
  /** Where data begins at or after `offset`; undefined where only a hole follows. */
  seekData(file: number, offset: number): number | undefined;
  /** Where the next hole begins at or after `offset`; undefined where the file system cannot tell. */
  seekHole(file: number, offset: number): number | undefined;
}

type NativeFunction = (...args: unknown[]) => number;

let loaded: SystemCalls | undefined;
let tried = false;

function load(): SystemCalls | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as {
      load(path: null): { func(prototype: string): NativeFunction };
    };
    const library = koffi.load(null);
    const utimensat = library.func('int utimensat(int, void*, void*, int)');
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
        const terminated = new Uint8Array(path.length + 1);
        terminated.set(path);
        return utimensat(atCurrentDirectory, terminated, times, atSymlinkNoFollow) === 0;
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
