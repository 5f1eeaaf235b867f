// What makes testing guesses of other people's content dear (docs/proof-of-work.md, "Questions without an answer"): a limit
// of questions that nothing follows, and a random number of owners before a blob shows.
import { createHmac } from 'node:crypto';
import { ProtocolError } from '../protocol/errors.js';
import { unansweredIdsMax } from '../protocol/limits.js';
import type { Tier } from '../protocol/messages.js';
import type { Caller } from './authorize.js';
import type { Queries } from './db/connection.js';
import { countOwners } from './db/ownerships.js';
import { addUnanswered, findStanding, settleUnanswered } from './db/standings.js';
import { tierOf } from './tier.js';

export interface GuessingOptions {
  /** Off where one person has the daemon to himself. */
  readonly isLimited: boolean;
  /** From 1, which is off: a blob of others shows when as many vaults own it as its secret number from 1 to this says. */
  readonly threshold: number;
  readonly key: Uint8Array;
}

export interface GuessedBlob {
  readonly blobNo: number;
  /** Raw bytes. */
  readonly id: Uint8Array;
}

const noneHidden: ReadonlySet<number> = new Set();

export class Guessing {
  readonly #options: GuessingOptions;

  constructor(options: GuessingOptions) {
    this.#options = options;
  }

  /** True where an upload must not say which of its blobs were there before. */
  get hidesUploads(): boolean {
    return this.#options.threshold > 1;
  }

  /**
   * `ids` questions of a query that the vault does not own the answer to. Throws ProtocolError `query-limit`. Tokens may use
   * half of what the account has, so that a stolen one cannot use up all of it.
   */
  asked(tx: Queries, { accountNo, token }: Caller, ids: number, nowMs: number): void {
    if (!this.#options.isLimited || ids === 0) return;
    const standing = findStanding(tx, accountNo, nowMs);
    const tier: Tier = standing === undefined ? 'new' : tierOf(standing, false, nowMs);
    const idsMax = unansweredIdsMax[tier] / (token === undefined ? 1 : 2);
    if (addUnanswered(tx, accountNo, ids, nowMs) > idsMax) {
      throw new ProtocolError('query-limit', 'this account has asked about too much today that it never stored');
    }
  }

  /** `ids` of them were claimed or sent. */
  answered(tx: Queries, accountNo: number, ids: number): void {
    if (this.#options.isLimited) settleUnanswered(tx, accountNo, ids);
  }

  /** Numbers of the blobs that must not show to a vault that does not own them. */
  hidden(db: Queries, blobs: () => readonly GuessedBlob[]): ReadonlySet<number> {
    if (this.#options.threshold <= 1) return noneHidden;
    const guessed = blobs();
    const owners = countOwners(
      db,
      guessed.map(({ blobNo }) => blobNo),
    );
    return new Set(
      guessed.filter(({ blobNo, id }) => (owners.get(blobNo) ?? 0) < this.#numberOf(id)).map(({ blobNo }) => blobNo),
    );
  }

  /** The same for a blob at all times, so that asking again tells nothing; nobody outside knows it. */
  #numberOf(id: Uint8Array): number {
    const digest = createHmac('sha256', this.#options.key).update(id).digest();
    return 1 + (digest.readUInt32BE(0) % this.#options.threshold);
  }
}
