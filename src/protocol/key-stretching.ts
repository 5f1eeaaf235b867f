// How a password becomes a key (docs/protocol.md, "Accounts"): the parameters of Argon2id, kept by the daemon and repeated
// inside the wrapped root, so that neither side can be talked into other ones.
import type { KeyStretching } from './messages.js';

/** RFC 9106's second recommendation: of every new password, and told for accounts that do not exist. */
export const standardKeyStretching: KeyStretching = { memoryKib: 65_536, iterations: 3, parallelism: 4 };

export const keyStretchingBytes = 12;

/** Three u32, big-endian: memory in KiB, passes, lanes. */
export function encodeKeyStretching({ memoryKib, iterations, parallelism }: KeyStretching): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(keyStretchingBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, memoryKib);
  view.setUint32(4, iterations);
  view.setUint32(8, parallelism);
  return bytes;
}
