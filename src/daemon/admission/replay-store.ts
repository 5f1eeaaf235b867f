// What keeps a challenge from being redeemed twice (docs/proof-of-work.md, "Replay"), in two forms: bits in the memory of one
// daemon, and rows that several daemons share.
import { randomBytes } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.js';
import { ReplayWindow, replayWindowNumbers } from '../replay-window.js';

/** What tells challenges apart, over daemons and restarts. */
export interface ChallengeNumber {
  readonly replica: number;
  readonly epoch: number;
  readonly seq: number;
}

/** A store that fails must throw: what is not known to be unspent is refused. */
export interface ReplayStore {
  /** The number of a new challenge. Throws ProtocolError `rate-limited` where too many are open. */
  take(expiresAtS: number, nowS: number): ChallengeNumber;
  /** Throws `challenge-spent`, or `challenge-expired` for what can never be redeemed here. */
  check(number: ChallengeNumber): void;
  /** Marks it as spent, in one step; throws as `check` does. */
  claim(number: ChallengeNumber, expiresAtS: number): void;
  /**
   * Uses up one whose proof was wrong. Nothing is written for it, or worthless proofs would keep the disk busy; another
   * daemon may look at the same proof once more.
   */
  waste(number: ChallengeNumber): void;
  delay(number: ChallengeNumber, untilS: number): void;
  /** Seconds that are left of a delay. */
  delayLeftS(number: ChallengeNumber, nowS: number): number;
  /** How many of the records were never counted before: work moves the price once. */
  countNew(number: ChallengeNumber, records: number): number;
}

export interface ReplayOptions {
  /** For tests; random otherwise, as they must be. */
  readonly replica?: number;
  readonly epoch?: number;
  /** Size of the window, for tests. */
  readonly windowNumbers?: number;
}

/** The number as a key. */
export function keyOf({ replica, epoch, seq }: ChallengeNumber): string {
  return `${String(replica)}.${String(epoch)}.${String(seq)}`;
}

/** Random 48 bits at every start: numbers of the run before are never given again. */
function newIssuer(options: ReplayOptions): { readonly replica: number; readonly epoch: number } {
  const random = randomBytes(6);
  return { replica: options.replica ?? random.readUInt16BE(0), epoch: options.epoch ?? random.readUInt32BE(2) };
}

/** One bit a challenge. Challenges of other daemons and of the run before have expired. */
export function createLocalReplay(options: ReplayOptions = {}): ReplayStore {
  const { replica, epoch } = newIssuer(options);
  const window = new ReplayWindow(options.windowNumbers ?? replayWindowNumbers);
  const seqOf = (number: ChallengeNumber): number => {
    if (number.replica !== replica || number.epoch !== epoch) {
      throw new ProtocolError('challenge-expired', 'the challenge has expired');
    }
    return number.seq;
  };
  return {
    take: (expiresAtS, nowS) => ({ replica, epoch, seq: window.take(expiresAtS, nowS) }),
    check: (number) => {
      window.check(seqOf(number));
    },
    claim: (number) => {
      window.claim(seqOf(number));
    },
    waste: (number) => {
      window.claim(seqOf(number));
    },
    delay: (number, untilS) => {
      window.delay(seqOf(number), untilS);
    },
    delayLeftS: (number, nowS) => window.delayLeftS(seqOf(number), nowS),
    countNew: (number, records) => window.countNew(seqOf(number), records),
  };
}

/**
 * Challenges of other daemons whose work has been counted here. To be counted twice one would have to be pushed out by so
 * many others, all of them paid for.
 */
const countedMax = 65_536;

/**
 * Wrong proofs for challenges of other daemons that are remembered. To try one again, so many others would have to be sent, and an
 * account has three; a grant for it is still given once, by the row.
 */
const wastedMax = 65_536;

/** Where spent challenges are rows: whether a number is new there. */
export interface SpentChallenges {
  isSpent(number: ChallengeNumber): boolean;
  /** False where it was spent already. In one statement, so that two daemons cannot both succeed. */
  spend(number: ChallengeNumber, expiresAtS: number): boolean;
}

/**
 * Rows in the shared database: challenges of every daemon with the same master key are redeemed at any of them, and outlive
 * a restart. Only the delays of a daemon's own challenges are kept, in its window; those of others travel in the ticket.
 */
export function createSharedReplay(spent: SpentChallenges, options: ReplayOptions = {}): ReplayStore {
  const { replica, epoch } = newIssuer(options);
  const window = new ReplayWindow(options.windowNumbers ?? replayWindowNumbers);
  const counted = new Map<string, number>();
  const wasted = new Set<string>();
  const isMine = (number: ChallengeNumber): boolean => number.replica === replica && number.epoch === epoch;
  const refuse = (): never => {
    throw new ProtocolError('challenge-spent', 'the challenge was used before');
  };
  const ask = <T>(question: () => T): T => {
    try {
      return question();
    } catch (cause) {
      throw new ProtocolError('unavailable', 'it cannot be told whether the challenge was used before', { cause });
    }
  };
  return {
    take: (expiresAtS, nowS) => ({ replica, epoch, seq: window.take(expiresAtS, nowS) }),
    check: (number) => {
      if (isMine(number)) window.check(number.seq);
      if (wasted.has(keyOf(number))) refuse();
      if (ask(() => spent.isSpent(number))) refuse();
    },
    claim: (number, expiresAtS) => {
      if (isMine(number)) window.check(number.seq);
      if (wasted.has(keyOf(number)) || !ask(() => spent.spend(number, expiresAtS))) refuse();
      if (isMine(number)) window.claim(number.seq);
    },
    waste: (number) => {
      if (isMine(number)) {
        window.claim(number.seq);
        return;
      }
      if (wasted.size >= wastedMax) wasted.delete(wasted.values().next().value ?? '');
      wasted.add(keyOf(number));
    },
    delay: (number, untilS) => {
      if (isMine(number)) window.delay(number.seq, untilS);
    },
    delayLeftS: (number, nowS) => (isMine(number) ? window.delayLeftS(number.seq, nowS) : 0),
    countNew: (number, records) => {
      if (isMine(number)) return window.countNew(number.seq, records);
      const key = keyOf(number);
      const before = counted.get(key) ?? 0;
      if (before === 0 && counted.size >= countedMax) counted.delete(counted.keys().next().value ?? '');
      counted.set(key, Math.max(before, records));
      return Math.max(0, records - before);
    },
  };
}
