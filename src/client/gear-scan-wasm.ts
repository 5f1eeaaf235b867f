// The chunker's inner loop in WebAssembly (docs/format.md, "Chunking"): it looks at every byte of every new file. Written
// out as instructions, so it is built from source without tools; `scanGear` in chunker.ts is what it must equal.
import type { ScanGear } from './chunker.js';
import { type Code, get, i32, leb, wasmModule, webAssembly } from './wasm-module.js';

const gearBytes = 1024;
const pageBytes = 65_536;
const stepsPerRound = 8;

// Locals of `scan`: the first five are its parameters.
const gearAt = 0;
const at = 1;
const to = 2;
const hash = 3;
const limit = 4;

/** hash = (hash << 1) + gear[byte at `at + ahead`]; leaves the hash on the stack. */
const roll = (ahead: number): Code => [
  ...[...get(hash), ...i32(1), 0x74],
  ...[...get(at), 0x2d, 0, ahead, ...i32(2), 0x74, ...get(gearAt), 0x6a, 0x28, 2, 0],
  ...[0x6a, 0x22, hash],
];

/** Ends the function behind the byte that was rolled over, when it cuts. */
const stopAtCut = (ahead: number): Code => [
  ...[...get(limit), 0x49, 0x04, 0x40],
  ...[...get(hash), 0x24, 0, ...get(at), ...i32(ahead + 1), 0x6a, 0x0f],
  0x0b,
];

const advance = (steps: number): Code => [...get(at), ...i32(steps), 0x6a, 0x21, at];

/** Rounds of eight bytes while there are so many, then single bytes. */
function scanCode(): Code {
  const round = Array.from({ length: stepsPerRound }, (_, ahead) => [...roll(ahead), ...stopAtCut(ahead)]).flat();
  const rounds = [...get(to), ...get(at), 0x6b, ...i32(stepsPerRound), 0x49, 0x0d, 1];
  const singles = [...get(at), ...get(to), 0x4f, 0x0d, 1];
  return [
    ...[0x02, 0x40, 0x03, 0x40, ...rounds, ...round, ...advance(stepsPerRound), 0x0c, 0, 0x0b, 0x0b],
    ...[0x02, 0x40, 0x03, 0x40, ...singles, ...roll(0), ...stopAtCut(0), ...advance(1), 0x0c, 0, 0x0b, 0x0b],
    ...[...get(hash), 0x24, 0, ...get(to), 0x0b],
  ];
}

const name = (text: string): number[] => [text.length, ...Buffer.from(text)];

function moduleBytes(pages: number): Uint8Array<ArrayBuffer> {
  const body = [0, ...scanCode()];
  return wasmModule([
    [1, [1, 0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f]],
    [3, [1, 0]],
    [5, [1, 0x00, ...leb(pages)]],
    [6, [1, 0x7f, 0x01, 0x41, 0, 0x0b]],
    [7, [3, ...name('scan'), 0, 0, ...name('memory'), 2, 0, ...name('hash'), 3, 0]],
    [10, [1, ...leb(body.length), ...body]],
  ]);
}

/** Memory for files to be read into, and a scan over it for each gear table. */
export interface GearScanner {
  readonly window: Uint8Array;
  readonly scans: readonly ScanGear[];
}

interface ScanExports {
  readonly scan: (gearAt: number, from: number, to: number, seed: number, limit: number) => number;
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly hash: { readonly value: number };
}

/** Undefined where the host has no WebAssembly. */
export function createWasmScanner(gears: readonly Uint32Array[], windowBytes: number): GearScanner | undefined {
  const api = webAssembly();
  if (api === undefined) return undefined;
  const windowAt = gears.length * gearBytes;
  const pages = Math.ceil((windowAt + windowBytes) / pageBytes);
  const instance = new api.Instance(new api.Module(moduleBytes(pages)));
  const exports = instance.exports as ScanExports;
  const { buffer } = exports.memory;
  for (const [index, gear] of gears.entries()) new Uint32Array(buffer, index * gearBytes, 256).set(gear);
  const scans = gears.map(
    (_, index): ScanGear =>
      (from, end, seed, cutLimit) => {
        const found = exports.scan(index * gearBytes, windowAt + from, windowAt + end, seed, cutLimit);
        return { at: found - windowAt, hash: exports.hash.value };
      },
  );
  return { window: new Uint8Array(buffer, windowAt, windowBytes), scans };
}
