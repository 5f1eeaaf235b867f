// SHA-256 over 32-bit words, for messages of one block (docs/proof-of-work.md, "Checking"). A call into node:crypto costs
// three times the hash of a block; here nothing is allocated and what messages share can be computed once.

function fractionalBits(x: number): number {
  return Math.floor((x % 1) * 2 ** 32) | 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n += 1) if (primes.every((p) => n % p !== 0)) primes.push(n);
  return primes;
}

/** FIPS 180-4: fractional parts of the cube roots and square roots of the first primes. */
export const roundConstants = Int32Array.from(firstPrimes(64), (p) => fractionalBits(Math.cbrt(p)));
export const initialState = Int32Array.from(firstPrimes(8), (p) => fractionalBits(Math.sqrt(p)));

/** Computes the schedule words `from` to `to` of the 64 in `w`; `from` is at least 16. */
export function extendSchedule(w: Int32Array, from: number, to: number): void {
  for (let t = from; t < to; t += 1) {
    const x = w[t - 15] as number;
    const y = w[t - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = ((w[t - 16] as number) + s0 + (w[t - 7] as number) + s1) | 0;
  }
}

/** Rounds `from` to `to` over the eight words of `state`. */
export function runRounds(state: Int32Array, w: Int32Array, from: number, to: number): void {
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let t = from; t < to; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const sum = (h + s1 + (g ^ (e & (f ^ g))) + (roundConstants[t] as number) + (w[t] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) | (c & (a | b));
    h = g;
    g = f;
    f = e;
    e = (d + sum) | 0;
    d = c;
    c = b;
    b = a;
    a = (sum + s0 + majority) | 0;
  }
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
  state[4] = e;
  state[5] = f;
  state[6] = g;
  state[7] = h;
}

/** Room for the message block of `hashWords`: its first 14 words are the caller's to fill. */
export const messageWords = new Int32Array(64);

/** The digest that `hashWords` leaves behind, eight words. The next call overwrites it. */
export const digestWords = new Int32Array(8);

/** Hashes the first `count` words of `messageWords`, at most 13, into `digestWords`. */
export function hashWords(count: number): void {
  messageWords[count] = 0x80000000;
  for (let i = count + 1; i < 15; i += 1) messageWords[i] = 0;
  messageWords[15] = 32 * count;
  extendSchedule(messageWords, 16, 64);
  for (let i = 0; i < 8; i += 1) digestWords[i] = initialState[i] as number;
  runRounds(digestWords, messageWords, 0, 64);
  for (let i = 0; i < 8; i += 1) digestWords[i] = (digestWords[i] as number) + (initialState[i] as number);
}

/** Puts 32 bytes in front of the message, as eight big-endian words. */
export function loadDigest(bytes: Uint8Array): void {
  for (let i = 0; i < 8; i += 1) {
    const at = 4 * i;
    messageWords[i] =
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number);
  }
}

/** The bytes of `digestWords`. */
export function digestBytes(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i += 1) bytes[i] = (digestWords[i >> 2] as number) >>> (24 - 8 * (i & 3));
  return bytes;
}
