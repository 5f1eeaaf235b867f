import { expect, test } from 'vitest';
import { copyInto } from '../../src/protocol/bytes.js';

test('copyInto sets every byte in place, in shared memory too, whatever the alignment', () => {
  for (const memory of [new ArrayBuffer(64), new SharedArrayBuffer(64)]) {
    for (let at = 0; at < 9; at += 1) {
      for (const lengthBytes of [0, 1, 7, 40]) {
        const bytes = Uint8Array.from({ length: lengthBytes }, (_, index) => index + 1);
        const target = Buffer.from(memory).fill(0);
        copyInto(target, bytes, at);
        expect(target.subarray(at, at + lengthBytes)).toEqual(Buffer.from(bytes));
        expect(target.reduce((sum, byte) => sum + byte, 0)).toBe(bytes.reduce((sum, byte) => sum + byte, 0));
      }
    }
  }
});
