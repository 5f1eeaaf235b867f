// Reads the published vectors (test/vectors/README.md) and makes their test data.
import { readFileSync } from 'node:fs';
import { sha256 } from '../../src/protocol/blob-id.js';
import { concatBytes } from '../../src/protocol/bytes.js';

export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));
}

/** SHA-256 of `seed | counter u32`, joined and cut: the same test data on every machine. */
export function testStream(seed: Uint8Array, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(lengthBytes / 32) * 32);
  const counter = new Uint8Array(4);
  for (let block = 0; block * 32 < lengthBytes; block += 1) {
    new DataView(counter.buffer).setUint32(0, block);
    bytes.set(sha256(concatBytes(seed, counter)), block * 32);
  }
  return bytes.subarray(0, lengthBytes);
}
