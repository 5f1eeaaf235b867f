// What a push is asked for and what it answers.
import { bytesKey } from '../../protocol/bytes.js';
import type { PaidSolver } from '../paid-solver.js';
import type { Snapshot } from '../snapshots.js';
import type { FoundSources } from './walk.js';

export interface PushOptions {
  readonly found: FoundSources;
  readonly name: string;
  readonly host: string;
  readonly tags: readonly string[];
  /** `vault`: nothing of this push is shared with other vaults. */
  readonly dedup: 'everyone' | 'vault';
  /** Patterns of files that stay in the vault's own domain, beside the built-in ones. */
  readonly privatePatterns: readonly string[];
  /** Read every file again, whatever the cache of the last push says. */
  readonly reread: boolean;
  readonly solver: PaidSolver;
  readonly signal: AbortSignal;
  /** Something is not in the snapshot (`skipped` where that is no fault), or was caught in a change. */
  readonly onProblem: (problem: PushProblem) => void;
}

export interface PushProblem {
  readonly kind: 'unreadable' | 'changed' | 'skipped';
  readonly path: Uint8Array;
  readonly message: string;
}

/** Counters that a progress line reads while the push runs. */
export interface PushProgress {
  files: number;
  bytes: number;
}

export interface PushResult {
  readonly snapshot: Snapshot;
  readonly files: number;
  readonly bytes: number;
  readonly blobs: number;
  readonly newBlobs: number;
  readonly claimedBlobs: number;
  readonly ownedBlobs: number;
  readonly bytesNotSent: number;
  readonly filesRead: number;
  readonly problems: number;
}

/** What a second reading meets again need not be said again. */
export function onceEach(onProblem: PushOptions['onProblem']): PushOptions['onProblem'] {
  const said = new Set<string>();
  return (problem) => {
    const key = `${problem.kind} ${bytesKey(problem.path)}`;
    if (!said.has(key)) onProblem(problem);
    said.add(key);
  };
}
