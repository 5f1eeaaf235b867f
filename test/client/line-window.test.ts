// How many requests and how large: from made-up lines with made-up clocks.
import { describe, expect, test } from 'vitest';
import { isFar, LineWindow, lanesMax } from '../../src/client/line-window.js';

const mib = 1024 * 1024;
const limits = { requestBytesMax: 16 * mib, inFlightBytesMax: 96 * mib };

/** A window on a line where each lane brings `laneRate` bytes a millisecond and all together at most `lineRate`. */
function playLine({ laneRate, lineRate }: { readonly laneRate: number; readonly lineRate: number }): LineWindow {
  let nowMs = 0;
  const window = new LineWindow(
    () => 200,
    limits,
    () => nowMs,
  );
  for (; nowMs < 30_000; nowMs += 100) window.moved(100 * Math.min(window.lanes * laneRate, lineRate));
  return window;
}

describe('requests that go side by side', () => {
  test('become as many as are worth it where each connection has a small part of the line', () => {
    expect(playLine({ laneRate: 100, lineRate: 1e9 }).lanes).toBe(lanesMax);
  });

  test('stay as they are where each is fast', () => {
    expect(playLine({ laneRate: 1000, lineRate: 1e9 }).lanes).toBe(12);
  });

  test('stay few where some fill the line already', () => {
    expect(playLine({ laneRate: 100, lineRate: 900 }).lanes).toBeLessThanOrEqual(24);
  });

  test('never carry more bytes together than before', () => {
    const window = playLine({ laneRate: 100, lineRate: 1e9 });
    for (let ended = 0; ended < 40; ended += 1) {
      window.done(window.requestBytes, 10, 0);
      expect(window.lanes * window.requestBytes).toBeLessThanOrEqual(limits.inFlightBytesMax);
    }
    expect([window.requestBytes, window.lanes]).toEqual([16 * mib, 6]);
  });

  test('become fewer where not even the smallest ends within a minute', () => {
    const window = playLine({ laneRate: 100, lineRate: 1e9 });
    for (let ended = 0; ended < 20; ended += 1) window.done(mib, 100_000, 0);
    expect(window.lanes).toBe(4);
  });
});

describe('requests that were sent again', () => {
  test('halve how many go side by side, down to as many as there were at first, and for good', () => {
    const window = playLine({ laneRate: 100, lineRate: 1e9 });
    const lanes = [1, 1, 2, 3].map((retries) => {
      window.done(1000, 2000, retries);
      return window.lanes;
    });
    expect(lanes).toEqual([16, 16, 8, 8]);
  });
});

describe('a request', () => {
  test('is as large as may be near by, and small at first far away', () => {
    expect(isFar(1)).toBe(false);
    expect(new LineWindow(() => 1, limits).requestBytes).toBe(16 * mib);
    expect(new LineWindow(() => 1, limits).lanes).toBe(6);
    expect(new LineWindow(() => 50, limits).requestBytes).toBe(mib);
    expect(new LineWindow(() => 50, { ...limits, requestBytesMax: 1000 }).requestBytes).toBe(1000);
  });

  test('is as large as may be when the daemon turns out to be near', () => {
    let roundTripMs = 50;
    const window = new LineWindow(() => roundTripMs, limits);
    expect(window.requestBytes).toBe(mib);
    roundTripMs = 2;
    expect([window.requestBytes, window.lanes]).toEqual([16 * mib, 6]);
  });

  test('grows while it ends soon and shrinks while it takes long, within bounds', () => {
    const window = new LineWindow(() => 50, limits);
    for (let ended = 0; ended < 10; ended += 1) window.done(window.requestBytes, 100, 0);
    expect(window.requestBytes).toBe(16 * mib);
    for (let ended = 0; ended < 10; ended += 1) window.done(window.requestBytes, 10_000, 0);
    expect(window.requestBytes).toBe(mib / 4);
  });

  test('that was not full says nothing', () => {
    const window = new LineWindow(() => 50, limits);
    window.done(1000, 100, 0);
    expect(window.requestBytes).toBe(mib);
  });
});
