// The bytes of a challenge token (docs/proof-of-work.md, "The token").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/protocol/bytes.js';
import {
  type ChallengeToken,
  challengeTokenBytes,
  decodeChallengeToken,
  encodeChallengeBody,
} from '../../src/protocol/challenge-token.js';
import { ProtocolError } from '../../src/protocol/errors.js';
import { purposes, tiers } from '../../src/protocol/messages.js';
import { readProofOfWorkVectors } from '../helpers/proof-of-work.js';

const mac = new Uint8Array(16).fill(7);
const u32 = { max: 2 ** 32 - 1 };
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const tokens: fc.Arbitrary<ChallengeToken> = fc.record({
  purpose: fc.constantFrom(...purposes),
  tier: fc.constantFrom(...tiers),
  units: fc.integer({ min: 1, max: 16 }),
  floorAttempts16: fc.integer({ min: 1, ...u32 }),
  puzzles: fc.nat({ max: 64 }),
  effort256: fc.integer({ min: 256, ...u32 }),
  issuedAtS: fc.nat(u32),
  lifetimeS: fc.nat({ max: 65_535 }),
  replica: fc.nat({ max: 65_535 }),
  epoch: fc.nat(u32),
  seq: fc.nat({ max: 2 ** 48 - 1 }),
  subject: bytesOf(16),
  binding: bytesOf(32),
  budget: fc.record({ bytes: fc.maxSafeNat(), blobs: fc.nat(u32), ids: fc.nat(u32) }),
  salt: bytesOf(8),
});

describe('a challenge token', () => {
  it('has the bytes of the vectors', () => {
    const { fields, bytes } = readProofOfWorkVectors().tokenBody;
    const token: ChallengeToken = {
      ...fields,
      subject: fromHex(fields.subject),
      binding: fromHex(fields.binding),
      salt: fromHex(fields.salt),
    };
    expect(toHex(encodeChallengeBody(token))).toBe(bytes);
    expect(decodeChallengeToken(concatBytes(fromHex(bytes), mac))).toEqual({ token, body: fromHex(bytes), mac });
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        const bytes = concatBytes(encodeChallengeBody(token), mac);
        expect(bytes).toHaveLength(challengeTokenBytes);
        expect(decodeChallengeToken(bytes).token).toEqual(token);
      }),
    );
  });

  it('answers random bytes with nothing but challenge-invalid', () => {
    const plausible = bytesOf(challengeTokenBytes - 3).map((rest) => concatBytes(Uint8Array.of(2, 1, 3), rest));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), plausible), (bytes) => {
        try {
          const { token, body } = decodeChallengeToken(bytes);
          expect(encodeChallengeBody(token)).toEqual(body);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          expect(error).toHaveProperty('code', 'challenge-invalid');
        }
      }),
    );
  });

  it.each([
    ['another version', 0, 1],
    ['tier 0', 98, 0],
    ['tier 3', 98, 3],
    ['no units', 99, 0],
    ['17 units', 99, 17],
    ['another algorithm', 1, 2],
    ['purpose 0', 2, 0],
    ['purpose 5', 2, 5],
    ['65 puzzles', 3, 65],
    ['an effort below 256', 6, 0],
  ])('is refused with %s', (_, place, value) => {
    const bytes = concatBytes(fromHex(readProofOfWorkVectors().tokenBody.bytes), mac);
    bytes[place] = value;
    expect(() => decodeChallengeToken(bytes)).toThrow(ProtocolError);
  });
});
