// Turns at the end of a vault log (docs/protocol.md, "takeTurn"): writers who were too slow stand in line, so that hundreds of
// them need one try each and not hundreds. Only a courtesy: what keeps the chain is the compare-and-swap of appendLog.
import { randomBytes } from 'node:crypto';
import { ProtocolError } from '../protocol/errors.js';
import { logTurnMs, logWaitersMax, logWaitMs } from '../protocol/limits.js';

interface Waiter {
  /** Session or token: who does not use a turn loses its other places in the line. */
  readonly entityId: string;
  readonly call: () => void;
  readonly refuse: (error: ProtocolError) => void;
}

interface Line {
  holder: { readonly turn: string; readonly entityId: string; readonly timer: NodeJS.Timeout } | undefined;
  readonly waiters: Set<Waiter>;
}

export interface LogTurns {
  /** Resolves to a turn when everybody before has had theirs. Throws ProtocolError `rate-limited` or `conflict`. */
  take(vaultNo: number, entityId: string): Promise<string>;
  /** Throws ProtocolError `conflict` while the turn is another's. */
  check(vaultNo: number, turn: string | undefined): void;
  /** The turn was used. */
  end(vaultNo: number, turn: string | undefined): void;
  close(): void;
}

const moved = (why: string) => new ProtocolError('conflict', why);

export function createLogTurns(): LogTurns {
  const lines = new Map<number, Line>();

  const give = (vaultNo: number, line: Line, entityId: string): string => {
    const turn = randomBytes(16).toString('hex');
    const timer = setTimeout(() => {
      for (const waiter of line.waiters) if (waiter.entityId === entityId) waiter.refuse(moved('a turn was not used'));
      next(vaultNo, line);
    }, logTurnMs);
    line.holder = { turn, entityId, timer };
    return turn;
  };

  const next = (vaultNo: number, line: Line): void => {
    clearTimeout(line.holder?.timer);
    line.holder = undefined;
    const [waiter] = line.waiters;
    if (waiter === undefined) lines.delete(vaultNo);
    else waiter.call();
  };

  return {
    take(vaultNo, entityId) {
      const line = lines.get(vaultNo) ?? { holder: undefined, waiters: new Set<Waiter>() };
      lines.set(vaultNo, line);
      if (line.holder === undefined) return Promise.resolve(give(vaultNo, line, entityId));
      if (line.waiters.size >= logWaitersMax) {
        return Promise.reject(new ProtocolError('rate-limited', 'too many wait to write to this vault'));
      }
      return new Promise((resolve, reject) => {
        const leave = () => {
          clearTimeout(timer);
          line.waiters.delete(waiter);
        };
        const waiter: Waiter = {
          entityId,
          call: () => {
            leave();
            resolve(give(vaultNo, line, entityId));
          },
          refuse: (error) => {
            leave();
            reject(error);
          },
        };
        const timer = setTimeout(() => {
          waiter.refuse(moved('the line is too long'));
        }, logWaitMs);
        line.waiters.add(waiter);
      });
    },
    check(vaultNo, turn) {
      const holder = lines.get(vaultNo)?.holder;
      if (holder !== undefined && holder.turn !== turn) throw moved('it is the turn of another');
    },
    end(vaultNo, turn) {
      const line = lines.get(vaultNo);
      if (line?.holder !== undefined && line.holder.turn === turn) next(vaultNo, line);
    },
    close() {
      for (const line of lines.values()) {
        clearTimeout(line.holder?.timer);
        for (const waiter of line.waiters) waiter.refuse(new ProtocolError('unavailable', 'the daemon is ending'));
      }
      lines.clear();
    },
  };
}
