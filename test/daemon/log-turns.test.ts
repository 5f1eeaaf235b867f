// Turns at the end of a vault log (docs/protocol.md, "takeTurn"): first come, first served, and nobody holds up the line.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogTurns, type LogTurns } from '../../src/daemon/log-turns.js';
import { ProtocolError } from '../../src/protocol/errors.js';
import { logTurnMs, logWaitersMax, logWaitMs } from '../../src/protocol/limits.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

const vault = 1;
let turns: LogTurns;
/** What came of each asking, in the order in which it came: `NAME` for a turn, `NAME: CODE` for a refusal. */
let events: string[];
let held: Map<string, string>;

beforeEach(() => {
  vi.useFakeTimers();
  turns = createLogTurns();
  events = [];
  held = new Map();
});

afterEach(() => {
  turns.close();
  vi.useRealTimers();
});

/** Asks as `name`, for the session or token `entity`. */
async function ask(name: string, entity = name, vaultNo = vault): Promise<void> {
  turns.take(vaultNo, entity).then(
    (turn) => {
      held.set(name, turn);
      events.push(name);
    },
    (error: unknown) => {
      if (!(error instanceof ProtocolError)) throw error;
      events.push(`${name}: ${error.code}`);
    },
  );
  await vi.advanceTimersByTimeAsync(0);
}

async function use(name: string): Promise<void> {
  turns.check(vault, held.get(name));
  turns.end(vault, held.get(name));
  await vi.advanceTimersByTimeAsync(0);
}

const checkOf = (turn: string | undefined) =>
  protocolCodeOf(() => {
    turns.check(vault, turn);
  });

describe('turns', () => {
  test('come in the order of asking, one after the other', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await ask(name);
    expect(events).toEqual(['a']);
    for (const name of ['a', 'b', 'c']) await use(name);
    expect(events).toEqual(['a', 'b', 'c', 'd']);
    expect(new Set(held.values()).size).toBe(4);
  });

  test('keep everybody else from writing, while they last', async () => {
    expect(checkOf(undefined)).toBe('none');
    await ask('a');
    expect([checkOf(undefined), checkOf('0'.repeat(32)), checkOf(held.get('a'))]).toEqual([
      'conflict',
      'conflict',
      'none',
    ]);
    await ask('b');
    await use('a');
    expect([checkOf(held.get('a')), checkOf(held.get('b'))]).toEqual(['conflict', 'none']);
    await use('b');
    expect(checkOf(undefined)).toBe('none');
  });

  test('of one vault are nothing to another', async () => {
    await ask('a');
    await ask('b', 'b', 2);
    expect(events).toEqual(['a', 'b']);
    turns.check(3, undefined);
    expect(
      protocolCodeOf(() => {
        turns.check(2, held.get('a'));
      }),
    ).toBe('conflict');
  });

  test('are not ended by somebody who does not hold them', async () => {
    await ask('a');
    await ask('b');
    turns.end(vault, undefined);
    turns.end(vault, '0'.repeat(32));
    turns.end(2, held.get('a'));
    await vi.advanceTimersByTimeAsync(0);
    expect([events, checkOf(held.get('a'))]).toEqual([['a'], 'none']);
  });

  test('end unused after their time, and not before', async () => {
    await ask('a');
    await ask('b');
    await vi.advanceTimersByTimeAsync(logTurnMs - 1);
    expect([events, checkOf(held.get('a'))]).toEqual([['a'], 'none']);
    await vi.advanceTimersByTimeAsync(1);
    expect([events, checkOf(held.get('a'))]).toEqual([['a', 'b'], 'conflict']);
    await vi.advanceTimersByTimeAsync(logTurnMs);
    expect(checkOf(undefined)).toBe('none');
  });

  test('that are not used cost their session or token its other places, and nobody else theirs', async () => {
    await ask('a1', 'a');
    await ask('b', 'b');
    await ask('a2', 'a');
    await ask('c', 'c');
    await ask('a3', 'a');
    await vi.advanceTimersByTimeAsync(logTurnMs);
    expect(events.toSorted()).toEqual(['a1', 'a2: conflict', 'a3: conflict', 'b']);
    await use('b');
    expect(events.at(-1)).toBe('c');
    // It may stand in line again.
    await ask('a4', 'a');
    await use('c');
    expect(events.at(-1)).toBe('a4');
  });

  test('that are used leave the other places of the same token as they are', async () => {
    for (const name of ['a1', 'a2', 'a3']) await ask(name, 'a');
    for (const name of ['a1', 'a2', 'a3']) await use(name);
    expect(events).toEqual(['a1', 'a2', 'a3']);
  });

  test('are waited for by so many and not one more', async () => {
    await ask('holder');
    for (let at = 0; at < logWaitersMax; at += 1) void turns.take(vault, String(at)).catch(() => undefined);
    await ask('beyond');
    expect(events).toEqual(['holder', 'beyond: rate-limited']);
    await use('holder');
    await ask('after');
    expect(events).toHaveLength(2);
    await ask('once more');
    expect(events.at(-1)).toBe('once more: rate-limited');
  });

  test('are waited for so long and not longer', async () => {
    const count = logWaitMs / logTurnMs + 3;
    for (let at = 0; at < count; at += 1) await ask(String(at));
    await vi.advanceTimersByTimeAsync(logWaitMs - 1);
    expect(events.filter((event) => event.includes(':'))).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    const refused = events.filter((event) => event.includes(':'));
    expect(refused.length).toBeGreaterThan(0);
    expect(events.length).toBe(count);
    expect(refused.every((event) => event.endsWith(': conflict'))).toBe(true);
    // Who gave up is not called any more.
    await vi.advanceTimersByTimeAsync(logTurnMs);
    expect([events.length, checkOf(undefined)]).toEqual([count, 'none']);
  });

  test('are refused to all who wait when the daemon ends, and no timer is left', async () => {
    for (const name of ['a', 'b', 'c']) await ask(name);
    await ask('d', 'd', 2);
    turns.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(events).toEqual(['a', 'd', 'b: unavailable', 'c: unavailable']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
