import { describe, expect, test } from 'vitest';
import { StoredSpans } from '../../../src/client/push/stored-spans.js';

async function isEnded(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
}

describe('spans', () => {
  test('end when everything that began before has ended, whatever began later', async () => {
    const spans = new StoredSpans();
    const a = spans.begin();
    const b = spans.begin();
    const first = spans.close();
    const c = spans.begin();
    const second = spans.close();
    spans.end(b);
    expect(await isEnded(first)).toBe(false);
    spans.end(a);
    expect(await isEnded(first)).toBe(true);
    expect(await isEnded(second)).toBe(false);
    spans.end(c);
    expect(await isEnded(second)).toBe(true);
  });

  test('do not end before an earlier one has', async () => {
    const spans = new StoredSpans();
    const early = spans.begin();
    const first = spans.close();
    spans.end(spans.begin());
    const second = spans.close();
    expect(await isEnded(second)).toBe(false);
    spans.end(early);
    expect(await isEnded(first)).toBe(true);
    expect(await isEnded(second)).toBe(true);
  });

  test('of nothing end at once', async () => {
    const spans = new StoredSpans();
    expect(await isEnded(spans.close())).toBe(true);
    spans.end(spans.begin());
    expect(await isEnded(spans.close())).toBe(true);
  });
});
