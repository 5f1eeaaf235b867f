// Names as the daemon sees them (docs/format.md, "Names"): one opaque part for each part of a name, chained by hashing.
// Whoever holds no key learns only which names begin alike, and that is what lets the daemon keep a token to its prefix.
import { sha256 } from './blob-id.js';
import { bytesKey, concatBytes, utf8 } from './bytes.js';
import { ProtocolError } from './errors.js';
import { namePartBytes, namePartsMax } from './limits.js';

const nodeLabel = concatBytes(utf8('jaycloud/1/name-node'), Uint8Array.of(0));
const rootNode = new Uint8Array(32);

/** The nodes of a path, one after each part; the last one is the name's tag. Throws ProtocolError `malformed`. */
export function namePathNodes(path: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const parts = path.length / namePartBytes;
  if (!Number.isInteger(parts) || parts < 1 || parts > namePartsMax) {
    throw new ProtocolError('malformed', 'a name path has a bad length');
  }
  const nodes: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < path.length; at += namePartBytes) {
    nodes.push(sha256(concatBytes(nodeLabel, nodes.at(-1) ?? rootNode, path.subarray(at, at + namePartBytes))));
  }
  return nodes;
}

/** 32 bytes that name a series of snapshots. */
export function nameTagOf(path: Uint8Array): Uint8Array<ArrayBuffer> {
  return namePathNodes(path).at(-1) ?? new Uint8Array(rootNode);
}

/** True where the path passes through, or ends at, one of `prefixTags`; and for no prefix at all. */
export function isWithinPrefix(path: Uint8Array, prefixTags: readonly Uint8Array[]): boolean {
  if (prefixTags.length === 0) return true;
  const nodes = new Set(namePathNodes(path).map(bytesKey));
  return prefixTags.some((tag) => nodes.has(bytesKey(tag)));
}
