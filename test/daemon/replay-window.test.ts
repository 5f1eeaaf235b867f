// One bit for every open challenge, none ever evicted (docs/proof-of-work.md, "Replay").
import { describe, expect, it } from 'vitest';
import { ReplayWindow, replayBlockNumbers, replayWindowNumbers } from '../../src/daemon/replay-window.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

const sizeNumbers = 2 * replayBlockNumbers;

function filledWindow(expiresAtS: (number: number) => number): ReplayWindow {
  const window = new ReplayWindow(sizeNumbers);
  for (let number = 0; number < sizeNumbers; number += 1) expect(window.take(expiresAtS(number), 0)).toBe(number);
  return window;
}

function claimCode(window: ReplayWindow, number: number): string {
  return protocolCodeOf(() => {
    window.claim(number);
  });
}

describe('the replay window', () => {
  it('lets every number be used once, in any order', () => {
    const window = filledWindow(() => 100);
    for (let number = sizeNumbers - 1; number >= 0; number -= 1) {
      if (claimCode(window, number) !== 'none') throw new Error(`refused ${String(number)}`);
    }
    for (let number = 0; number < sizeNumbers; number += 1) {
      if (claimCode(window, number) !== 'challenge-spent') throw new Error(`took ${String(number)} twice`);
    }
  });

  it('refuses to give out more numbers than it has bits', () => {
    const window = filledWindow(() => 100);
    expect(protocolCodeOf(() => window.take(100, 99))).toBe('rate-limited');
    expect(window.take(200, 100)).toBe(sizeNumbers);
  });

  it('keeps a block until the last of its challenges has expired', () => {
    const window = filledWindow((number) => (number === 17 ? 150 : 100));
    expect(protocolCodeOf(() => window.take(300, 149))).toBe('rate-limited');
    window.claim(17);
    expect(claimCode(window, 17)).toBe('challenge-spent');
    expect(window.take(300, 150)).toBe(sizeNumbers);
    expect(claimCode(window, 17)).toBe('challenge-expired');
  });

  it('gives a reused place a clean bit', () => {
    const window = filledWindow(() => 100);
    window.claim(0);
    const number = window.take(300, 100);
    expect(number % sizeNumbers).toBe(0);
    window.claim(number);
    expect(claimCode(window, number)).toBe('challenge-spent');
  });

  it('knows no number that it has not given out', () => {
    const window = new ReplayWindow(sizeNumbers);
    expect(claimCode(window, 0)).toBe('challenge-expired');
    expect(claimCode(window, 2 ** 48 - 1)).toBe('challenge-expired');
  });

  it('never takes a released number again when the clock goes back', () => {
    const window = filledWindow(() => 100);
    window.take(300, 100);
    window.take(300, 5);
    expect(claimCode(window, 3)).toBe('challenge-expired');
  });

  it('costs one mebibyte and has room for 13,900 challenges a second', () => {
    expect(replayWindowNumbers / 8).toBe(2 ** 20);
    expect(replayWindowNumbers / 600).toBeGreaterThan(13_900);
  });
});
