// The body of an upload from the records in it, which lie in the slabs of a push.
import { concatBytes } from '../protocol/bytes.js';

/** Small pieces are copied together up to this length: thousands of tiny writes cost more than one copy. */
const joinedBytesMax = 256 * 1024;

/** The same bytes in fewer and larger pieces: neighbours in memory become one view, and what is small is joined. */
export function uploadBody(records: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  let runBytes = 0;
  const flush = () => {
    if (run.length > 0) joined.push(run.length === 1 ? (run[0] ?? new Uint8Array()) : concatBytes(...run));
    run = [];
    runBytes = 0;
  };
  for (const part of joinNeighbours(records)) {
    if (runBytes + part.length > joinedBytesMax) flush();
    run.push(part);
    runBytes += part.length;
  }
  flush();
  return joined;
}

function joinNeighbours(parts: readonly Uint8Array[]): Uint8Array[] {
  const views: Uint8Array[] = [];
  let from = 0;
  parts.forEach((part, at) => {
    const next = parts[at + 1];
    if (next?.buffer === part.buffer && next.byteOffset === part.byteOffset + part.length) return;
    const first = parts[from] ?? part;
    views.push(new Uint8Array(part.buffer, first.byteOffset, part.byteOffset + part.length - first.byteOffset));
    from = at + 1;
  });
  return views;
}
