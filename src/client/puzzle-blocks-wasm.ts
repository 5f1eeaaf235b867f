// The SHA-256 blocks of one attempt, four at a time in WebAssembly SIMD (docs/proof-of-work.md, "Solving"). The module
// is written out here as instructions, so it is built from source without tools; puzzle-blocks.ts is what it must equal.
import { puzzleBlocks } from '../protocol/proof-of-work.js';
import { initialState, roundConstants, runRounds } from '../protocol/sha256-words.js';
import { counterWord, firstVaryingWord, type HashBlocks, messageBlock } from './puzzle-blocks.js';
import { type Code, get, i32, leb, wasmModule, webAssembly } from './wasm-module.js';

// Memory, in bytes: what is equal for all blocks of an attempt, then the digests.
const wordsAt = 0;
const constantsAt = 256;
const initialAt = 512;
const commonAt = 544;
const lanesAt = 576;
const digestsAt = 1024;
const memoryPages = Math.ceil((digestsAt + puzzleBlocks * 32) / 65_536);

// Locals: the counter of the first of four blocks, the address of its digest, then vectors.
const counter = 0;
const address = 1;
const stateLocals = 2;
const scheduleLocals = 10;
const scratch = 26;
const vectorLocals = 25;

const set = (local: number, value: Code): Code => [...value, 0x21, local];
const simd = (opcode: number, ...operands: readonly Code[]): Code => [...operands.flat(), 0xfd, ...leb(opcode)];

const add = (first: Code, ...more: readonly Code[]): Code => more.reduce((sum, term) => simd(0xae, sum, term), first);
const xor = (first: Code, ...more: readonly Code[]): Code => more.reduce((sum, term) => simd(0x51, sum, term), first);
const or = (a: Code, b: Code): Code => simd(0x50, a, b);
/** Bits of `a` where `mask` is set, of `b` elsewhere. */
const select = (a: Code, b: Code, mask: Code): Code => simd(0x52, a, b, mask);
const shiftRight = (x: Code, bits: number): Code => simd(0xad, x, i32(bits));
const rotateRight = (x: Code, bits: number): Code => or(shiftRight(x, bits), simd(0xab, x, i32(32 - bits)));
/** One word of memory in all four lanes. */
const splat = (at: number): Code => [...i32(0), 0xfd, 0x09, 2, ...leb(at)];

/** Schedule word `t`: from memory where all blocks share it, else from the ring of sixteen locals. */
const word = (t: number): Code =>
  t === counterWord || t >= firstVaryingWord ? get(scheduleLocals + (t % 16)) : splat(wordsAt + 4 * t);

function scheduleStep(t: number): Code {
  const x = word(t - 15);
  const y = word(t - 2);
  const s0 = xor(rotateRight(x, 7), rotateRight(x, 18), shiftRight(x, 3));
  const s1 = xor(rotateRight(y, 17), rotateRight(y, 19), shiftRight(y, 10));
  return set(scheduleLocals + (t % 16), add(word(t - 16), s0, word(t - 7), s1));
}

/** One round. The eight state words stay in their locals; what turns is which local plays which part. */
function round(t: number): Code {
  const part = (i: number): number => stateLocals + ((i - t + 64) % 8);
  const [a, b, c, e, f, g] = [part(0), part(1), part(2), part(4), part(5), part(6)].map(get) as [
    Code,
    Code,
    Code,
    Code,
    Code,
    Code,
  ];
  const s1 = xor(rotateRight(e, 6), rotateRight(e, 11), rotateRight(e, 25));
  const s0 = xor(rotateRight(a, 2), rotateRight(a, 13), rotateRight(a, 22));
  const majority = select(c, a, xor(a, b));
  return [
    ...set(scratch, add(get(part(7)), s1, select(f, g, e), splat(constantsAt + 4 * t), word(t))),
    ...set(part(3), add(get(part(3)), get(scratch))),
    ...set(part(7), add(get(scratch), s0, majority)),
  ];
}

/** The body of `hash`: all blocks, four a turn. */
function hashCode(): Code {
  const code: number[] = [...set(address, i32(digestsAt)), 0x03, 0x40];
  // Rounds begin with 8, a multiple of 8, so local i starts and ends as state word i.
  for (let i = 0; i < 8; i += 1) code.push(...set(stateLocals + i, splat(commonAt + 4 * i)));
  const lanes: Code = [...i32(0), 0xfd, 0x00, 4, ...leb(lanesAt)];
  code.push(...set(scheduleLocals + counterWord, add(simd(0x11, get(counter)), lanes)));
  for (let t = counterWord; t < 64; t += 1) {
    if (t >= firstVaryingWord) code.push(...scheduleStep(t));
    code.push(...round(t));
  }
  for (let i = 0; i < 8; i += 1) {
    code.push(...set(scratch, add(get(stateLocals + i), splat(initialAt + 4 * i))));
    for (let lane = 0; lane < 4; lane += 1) {
      code.push(...get(address), ...get(scratch), 0xfd, 0x5a, 2, ...leb(32 * lane + 4 * i), lane);
    }
  }
  code.push(...set(address, [...get(address), ...i32(128), 0x6a]));
  code.push(...get(counter), ...i32(4), 0x6a, 0x22, counter, ...i32(puzzleBlocks), 0x49, 0x0d, 0, 0x0b);
  return code;
}

/** The whole module, about 15 kB: exports `m`, its memory, and `h`, which fills it. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const body = [2, 2, 0x7f, vectorLocals, 0x7b, ...hashCode(), 0x0b];
  return wasmModule([
    [1, [1, 0x60, 0, 0]],
    [3, [1, 0]],
    [5, [1, 0, memoryPages]],
    [7, [2, 1, 0x6d, 2, 0, 1, 0x68, 0, 0]],
    [10, [1, ...leb(body.length), ...body]],
  ]);
}

interface BlockExports {
  readonly m: { readonly buffer: ArrayBuffer };
  h(): void;
}

/** The fast HashBlocks, or undefined where the host has no WebAssembly or no SIMD (`node --jitless`, old processors). */
export function createWasmHashBlocks(): HashBlocks | undefined {
  const api = webAssembly();
  const bytes = moduleBytes();
  if (api?.validate(bytes) !== true) return undefined;
  const exports = new api.Instance(new api.Module(bytes)).exports as BlockExports;
  const { buffer } = exports.m;
  const words = new Int32Array(buffer);
  words.set(roundConstants, constantsAt / 4);
  words.set(initialState, initialAt / 4);
  words.set([0, 1, 2, 3], lanesAt / 4);
  const digests = new Uint32Array(buffer, digestsAt, puzzleBlocks * 8);
  return (attemptSeed, to) => {
    const schedule = messageBlock(attemptSeed);
    const common = Int32Array.from(initialState);
    runRounds(common, schedule, 0, counterWord);
    words.set(schedule.subarray(0, firstVaryingWord), wordsAt / 4);
    words.set(common, commonAt / 4);
    exports.h();
    to.set(digests);
  };
}
