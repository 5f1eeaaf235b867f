// zstd as WebAssembly, for machines where the native package could not be installed: the same version of the same library,
// so the same bytes, in about three times the time. The only importer of @bokuweb/zstd-wasm, which is loaded when needed.
import { level, type ZstdCodec } from './zstd-codec.js';

export async function loadPortableZstd(): Promise<ZstdCodec> {
  const { init, compress, decompress } = await import('@bokuweb/zstd-wasm');
  await init();
  return {
    compress: (raw) => compress(raw, level),
    // The package makes room for what the frame says that it holds, which has been compared, or for what is said here.
    decompress: (stored, rawLength) => decompress(stored, { defaultHeapSize: rawLength }),
  };
}
