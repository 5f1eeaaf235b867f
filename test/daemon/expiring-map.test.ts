// What is remembered between two requests: bounded in time and in number.
import { describe, expect, test } from 'vitest';
import { ExpiringMap } from '../../src/daemon/expiring-map.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

function createMap() {
  const clock = { nowMs: 1000 };
  return { clock, map: new ExpiringMap<string>({ ttlMs: 100, countMax: 3, now: () => clock.nowMs }) };
}

describe('ExpiringMap', () => {
  test('finds a value until its time is over or it is removed', () => {
    const { clock, map } = createMap();
    const one = map.add('one');
    const two = map.add('two');
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(map.find(one)).toBe('one');
    map.remove(one);
    expect(map.find(one)).toBeUndefined();
    clock.nowMs += 99;
    expect(map.find(two)).toBe('two');
    clock.nowMs += 1;
    expect(map.find(two)).toBeUndefined();
    expect(map.find('0'.repeat(32))).toBeUndefined();
  });

  test('takes no more than its number, and more once the oldest are over', () => {
    const { clock, map } = createMap();
    map.add('a');
    clock.nowMs += 50;
    const b = map.add('b');
    map.add('c');
    expect(protocolCodeOf(() => map.add('d'))).toBe('rate-limited');
    clock.nowMs += 50;
    map.add('d');
    expect(protocolCodeOf(() => map.add('e'))).toBe('rate-limited');
    map.remove(b);
    expect(protocolCodeOf(() => map.add('e'))).toBe('none');
  });
});
