// zstd as native code. The only importer of zstd-napi, which is optional: it is fetched ready-made or compiled when it is installed.
import { createRequire } from 'node:module';
import { compressedBytesMax, level, type ZstdCodec } from './zstd-codec.js';

interface Binding {
  readonly CCtx: new () => { compress(target: Uint8Array, raw: Uint8Array, level: number): number };
  readonly DCtx: new () => { decompress(target: Uint8Array, stored: Uint8Array): number };
}

/** Undefined where the package could not be installed. */
export function loadNativeZstd(): ZstdCodec | undefined {
  let binding: Binding;
  try {
    binding = createRequire(import.meta.url)('zstd-napi/binding') as Binding;
  } catch {
    return undefined;
  }
  // One context of each for the life of the thread: making it anew costs more than a small chunk.
  const compressor = new binding.CCtx();
  const decompressor = new binding.DCtx();
  const memory = Buffer.allocUnsafeSlow(compressedBytesMax);
  return {
    compress: (raw) => memory.subarray(0, compressor.compress(memory, raw, level)),
    decompress(stored, rawLength, given) {
      const raw = given?.subarray(0, rawLength) ?? new Uint8Array(rawLength);
      const written = decompressor.decompress(raw, stored);
      return written === rawLength ? raw : raw.subarray(0, written);
    },
  };
}
