// Puts a WebAssembly module together from instructions that are written out in the source (WebAssembly core specification,
// section 5): what the puzzle's hashing and the chunker's scan share.

export type Code = readonly number[];

/** The part of the host's API that is used here; Node's types leave it to browsers. Absent under `node --jitless`. */
export interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

export function webAssembly(): WebAssemblyApi | undefined {
  return (globalThis as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly;
}

/** Unsigned LEB128. */
export function leb(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)];
}

/** Signed LEB128 of a number that is not negative. */
function signedLeb(n: number): number[] {
  return n < 64 ? [n] : [(n & 127) | 128, ...signedLeb(n >>> 7)];
}

/** `local.get`. */
export const get = (local: number): Code => [0x20, local];
/** `i32.const` of a number that is not negative. */
export const i32 = (value: number): Code => [0x41, ...signedLeb(value)];

/** Sections by their numbers, in rising order, behind the header of version 1. */
export function wasmModule(sections: readonly (readonly [id: number, content: Code])[]): Uint8Array<ArrayBuffer> {
  const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.from([...header, ...sections.flatMap(([id, content]) => [id, ...leb(content.length), ...content])]);
}
