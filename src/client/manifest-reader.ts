// Reads a manifest (docs/format.md, "Reading manifests"): in path order, a few nodes at a time, only the subtrees that are
// asked for. What is absent or damaged becomes a gap, and everything beside it is still read.
import { compareBytes, concatBytes, equalBytes } from '../protocol/bytes.js';
import { ClientError, integrityError } from './errors.js';
import { frameKinds } from './frame.js';
import { decodeIndex, decodeLeaf } from './manifest-decoder.js';
import type { ManifestEntry } from './manifest-entry.js';
import type { IndexChild } from './manifest-nodes.js';
import { type NodeRef, type OpenedNode, openNode } from './seal.js';

/** Nodes asked for in one call. */
export const fetchNodesMax = 256;
/** The nodes that are read and those that are read ahead lie in memory together: where they are large, fewer are asked for. */
export const fetchBytesAim = 8 * 1024 * 1024;
/** Before it is known how large they are; with the longest paths these are some 8 MiB. */
const firstEntries = 3072;

/** Gives the blobs in the order asked, undefined for those that are not to be had. */
export type FetchNodes = (refs: readonly NodeRef[]) => Promise<readonly (Uint8Array | undefined)[]>;

/** A part of the manifest that cannot be read: everything from `firstPath` on, `entries` in number. */
export interface ManifestGap {
  readonly firstPath: Uint8Array;
  readonly entries: number;
  readonly cause: ClientError;
}

export type ManifestItem = { readonly entry: ManifestEntry } | { readonly gap: ManifestGap };

export interface ReadManifestOptions {
  /** Only the entry of this path and what lies below it; empty for everything. */
  readonly prefix?: Uint8Array;
}

/** A child with the first path behind it: its entries lie in [firstPath, endPath). */
interface BoundChild {
  readonly child: IndexChild;
  readonly endPath: Uint8Array | undefined;
}

type Step = { readonly leaf: BoundChild } | { readonly gap: ManifestGap };

const slash = 0x2f;

/**
 * Yields entries in path order, and gaps. Throws integrityError where the root itself cannot be read, and whatever
 * `fetchNodes` throws.
 */
export async function* readManifest(
  root: NodeRef,
  fetchNodes: FetchNodes,
  options: ReadManifestOptions = {},
): AsyncGenerator<ManifestItem, void, undefined> {
  const selection = createSelection(options.prefix ?? new Uint8Array(0));
  const [rootBlob] = await fetchNodes([root]);
  if (rootBlob === undefined) throw integrityError('the root of the manifest is missing');
  const node = openNode(root, rootBlob);
  if (node.kind === frameKinds.manifestLeaf) {
    for (const entry of decodeLeaf(node)) if (selection.hasPath(entry.path)) yield { entry };
    return;
  }
  const { level, nodes } = decodeIndex(node);
  const steps = walkIndex(level, bound(nodes, undefined, selection), fetchNodes, selection);
  let next = fetchBatch(steps, fetchNodes, { nodes: fetchNodesMax, entries: firstEntries });
  for (;;) {
    const batch = await next;
    if (batch === undefined) return;
    next = fetchBatch(steps, fetchNodes, { nodes: nodesToAim(batch), entries: Number.POSITIVE_INFINITY });
    // Whoever stops reading early never awaits the batch that is read ahead; its failure concerns nobody then.
    next.catch(() => undefined);
    yield* readBatch(batch, selection);
  }
}

interface Batch {
  readonly steps: readonly Step[];
  readonly blobs: readonly (Uint8Array | undefined)[];
}

function nodesToAim({ blobs }: Batch): number {
  const bytes = blobs.reduce((sum, blob) => sum + (blob?.length ?? 0), 0);
  return Math.max(1, Math.min(fetchNodesMax, Math.floor((fetchBytesAim * blobs.length) / Math.max(1, bytes))));
}

async function fetchBatch(
  steps: AsyncGenerator<Step>,
  fetchNodes: FetchNodes,
  most: { readonly nodes: number; readonly entries: number },
): Promise<Batch | undefined> {
  const taken: Step[] = [];
  const refs: NodeRef[] = [];
  let entries = 0;
  while (refs.length < most.nodes && entries < most.entries) {
    const step = await steps.next();
    if (step.done === true) break;
    taken.push(step.value);
    if ('gap' in step.value) continue;
    const { child } = step.value.leaf;
    refs.push(child.ref);
    entries += child.entries;
  }
  if (taken.length === 0) return undefined;
  return { steps: taken, blobs: refs.length === 0 ? [] : await fetchNodes(refs) };
}

function* readBatch(batch: Batch, selection: Selection): Generator<ManifestItem> {
  let fetched = 0;
  for (const step of batch.steps) {
    if ('gap' in step) {
      yield step;
      continue;
    }
    const blob = batch.blobs[fetched];
    fetched += 1;
    const entries = readable(step.leaf.child, () => decodeBoundLeaf(step.leaf, blob));
    if ('gap' in entries) yield entries;
    else for (const entry of entries.value) if (selection.hasPath(entry.path)) yield { entry };
  }
}

/** Leaves in path order below the given index nodes; `level` is that of the node that holds `children`. */
async function* walkIndex(
  level: number,
  children: readonly BoundChild[],
  fetchNodes: FetchNodes,
  selection: Selection,
): AsyncGenerator<Step> {
  if (level === 1) {
    for (const leaf of children) yield { leaf };
    return;
  }
  for (let at = 0; at < children.length; at += fetchNodesMax) {
    const group = children.slice(at, at + fetchNodesMax);
    const blobs = await fetchNodes(group.map(({ child }) => child.ref));
    for (const [i, parent] of group.entries()) {
      const nodes = readable(parent.child, () => decodeBoundIndex(parent, level - 1, blobs[i]));
      if ('gap' in nodes) yield nodes;
      else yield* walkIndex(level - 1, bound(nodes.value, parent.endPath, selection), fetchNodes, selection);
    }
  }
}

function bound(nodes: readonly IndexChild[], endPath: Uint8Array | undefined, selection: Selection): BoundChild[] {
  return nodes
    .map((child, i): BoundChild => ({ child, endPath: nodes[i + 1]?.firstPath ?? endPath }))
    .filter(({ child, endPath: end }) => selection.meetsRange(child.firstPath, end));
}

function readable<T>(child: IndexChild, read: () => T): { readonly value: T } | { readonly gap: ManifestGap } {
  try {
    return { value: read() };
  } catch (cause) {
    if (!(cause instanceof ClientError) || cause.code !== 'integrity') throw cause;
    return { gap: { firstPath: child.firstPath, entries: child.entries, cause } };
  }
}

function openBound({ child }: BoundChild, blob: Uint8Array | undefined): OpenedNode {
  if (blob === undefined) throw integrityError('a part of the manifest is missing');
  return openNode(child.ref, blob);
}

/** A leaf must hold what its parent says of it, and lie between its neighbours. */
function decodeBoundLeaf(leaf: BoundChild, blob: Uint8Array | undefined): ManifestEntry[] {
  const entries = decodeLeaf(openBound(leaf, blob));
  const bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  checkBounds(leaf, { first: entries[0]?.path, last: entries.at(-1)?.path, entries: entries.length, bytes });
  return entries;
}

function decodeBoundIndex(parent: BoundChild, level: number, blob: Uint8Array | undefined): IndexChild[] {
  const index = decodeIndex(openBound(parent, blob));
  if (index.level !== level) throw integrityError('an index stands at the wrong level');
  checkBounds(parent, {
    first: index.nodes[0]?.firstPath,
    last: index.nodes.at(-1)?.firstPath,
    entries: index.nodes.reduce((sum, node) => sum + node.entries, 0),
    bytes: index.nodes.reduce((sum, node) => sum + node.bytes, 0),
  });
  return index.nodes;
}

interface Found {
  readonly first: Uint8Array | undefined;
  readonly last: Uint8Array | undefined;
  readonly entries: number;
  readonly bytes: number;
}

function checkBounds({ child, endPath }: BoundChild, found: Found): void {
  if (found.first === undefined || found.last === undefined || !equalBytes(found.first, child.firstPath)) {
    throw integrityError('a part of the manifest starts elsewhere than its index says');
  }
  if (endPath !== undefined && compareBytes(found.last, endPath) >= 0) {
    throw integrityError('parts of the manifest overlap');
  }
  if (found.entries !== child.entries || found.bytes !== child.bytes) {
    throw integrityError('a part of the manifest holds more or less than its index says');
  }
}

interface Selection {
  hasPath(path: Uint8Array): boolean;
  /** Whether [first, end) can hold a selected path; no `end` is no bound. */
  meetsRange(first: Uint8Array, end: Uint8Array | undefined): boolean;
}

/** In byte order the prefix stands alone, other names may follow it (`a`, `a-b`), then comes what lies below (`a/…`). */
function createSelection(prefix: Uint8Array): Selection {
  if (prefix.length === 0) return { hasPath: () => true, meetsRange: () => true };
  const below = concatBytes(prefix, Uint8Array.of(slash));
  const behind = concatBytes(prefix, Uint8Array.of(slash + 1));
  return {
    hasPath: (path) => equalBytes(path, prefix) || equalBytes(path.subarray(0, below.length), below),
    meetsRange: (first, end) => {
      const startsBefore = (limit: Uint8Array) => compareBytes(first, limit) <= 0;
      const endsAfter = (limit: Uint8Array) => end === undefined || compareBytes(end, limit) > 0;
      return (startsBefore(prefix) && endsAfter(prefix)) || (compareBytes(first, behind) < 0 && endsAfter(below));
    },
  };
}
