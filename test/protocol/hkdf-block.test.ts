// HKDF of one block beside Node's own, which takes any length.
import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bytesKey } from '../../src/protocol/bytes.js';
import { hkdfBlock, hkdfBlockInput } from '../../src/protocol/hkdf-block.js';

it('gives what the general function gives, for bytes and for their text', () => {
  const some = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(some, some, some, (secret, salt, info) => {
      const expected = new Uint8Array(hkdfSync('sha256', secret, salt, info, 32));
      const input = hkdfBlockInput(info);
      expect(new Uint8Array(hkdfBlock(secret, salt, input))).toEqual(expected);
      expect(new Uint8Array(hkdfBlock(bytesKey(secret), salt, input))).toEqual(expected);
    }),
  );
});
