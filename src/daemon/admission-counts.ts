// What has happened at the door since the daemon started (docs/operating.md, "Watching").
import type { ErrorCode } from '../protocol/errors.js';
import type { Purpose, Tier } from '../protocol/messages.js';
import type { AdmissionEvents } from './admission/admission.js';

/** Upper bounds of the waiting times that are told apart, in seconds. */
export const waitBoundsS = [0.01, 0.1, 0.5, 1, 2, 5, 10] as const;

/** Counters only grow; every key is one of a closed list. */
export class AdmissionCounts {
  readonly admitted = new Map<`${Tier} ${Purpose}`, number>();
  /** Codes of all refusals of all endpoints. */
  readonly refused = new Map<ErrorCode, number>();
  /** Why proofs were not admitted. */
  readonly turnedAway = new Map<string, number>();
  /** Of the admitted, by `waitBoundsS`; the last place is for all longer ones. */
  readonly waits = new Array<number>(waitBoundsS.length + 1).fill(0);
  waitedSeconds = 0;

  readonly events: AdmissionEvents = {
    onAdmitted: (tier, purpose, waitedMs) => {
      increase(this.admitted, `${tier} ${purpose}`);
      const place = waitBoundsS.findIndex((bound) => waitedMs / 1000 <= bound);
      const index = place < 0 ? waitBoundsS.length : place;
      this.waits[index] = (this.waits[index] ?? 0) + 1;
      this.waitedSeconds += waitedMs / 1000;
    },
    onTurnedAway: (reason) => {
      increase(this.turnedAway, reason);
    },
  };

  readonly onRefusal = (code: ErrorCode): void => {
    increase(this.refused, code);
  };
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
