// The bytes of a challenge token (docs/proof-of-work.md, "The token"): everything the daemon needs to know of a
// challenge, so that it keeps one bit of each. Clients treat the token as opaque.
import assert from 'node:assert';
import { ProtocolError } from './errors.js';
import { grantUnitsMax } from './limits.js';
import { type Purpose, purposes, type Tier, tiers } from './messages.js';
import { effort256Min, puzzlesMax } from './proof-of-work.js';

const challengeTokenVersion = 2;
const algorithmEq60 = 1;
export const challengeMacBytes = 16;
export const challengeSubjectBytes = 16;
export const challengeBindingBytes = 32;
export const challengeSaltBytes = 8;
const bodyBytes = 104;
export const challengeTokenBytes = bodyBytes + challengeMacBytes;

/** The byte of each purpose on the wire. */
const purposeBytes = { register: 1, login: 2, upload: 3, query: 4 } as const satisfies Record<Purpose, number>;

/** The byte of the tier that the price was made for. */
const tierBytes = { established: 1, new: 2 } as const satisfies Record<Tier, number>;

/** What a redeemed challenge allows; all zero for register and login. */
export interface Budget {
  readonly bytes: number;
  readonly blobs: number;
  readonly ids: number;
}

export interface ChallengeToken {
  readonly purpose: Purpose;
  readonly tier: Tier;
  /** Standard grants in one, 1 to 16. */
  readonly units: number;
  /** Attempts that a bid is measured against, in sixteenths. */
  readonly floorAttempts16: number;
  /** Sub-solutions asked for at least, 0 to 64. */
  readonly puzzles: number;
  /** Strength of the filter times 256, from 256. */
  readonly effort256: number;
  /** Seconds since 1970. */
  readonly issuedAtS: number;
  readonly lifetimeS: number;
  readonly replica: number;
  /** Random per start of the daemon. */
  readonly epoch: number;
  /** Gap-free within an epoch, below 2^48. */
  readonly seq: number;
  /** 16 bytes that stand for the account, zero where there is none yet. */
  readonly subject: Uint8Array;
  /** 32 bytes, see `challengeBinding`; zero where there is none. */
  readonly binding: Uint8Array;
  readonly budget: Budget;
  /** 8 random bytes. */
  readonly salt: Uint8Array;
}

/** The 104 bytes under the MAC. */
export function encodeChallengeBody(token: ChallengeToken): Uint8Array<ArrayBuffer> {
  assert(token.subject.length === challengeSubjectBytes && token.binding.length === challengeBindingBytes);
  assert(token.salt.length === challengeSaltBytes);
  const body = new Uint8Array(bodyBytes);
  const view = new DataView(body.buffer);
  body.set([challengeTokenVersion, algorithmEq60, purposeBytes[token.purpose], token.puzzles]);
  view.setUint32(4, token.effort256);
  view.setUint32(8, token.issuedAtS);
  view.setUint16(12, token.lifetimeS);
  view.setUint16(14, token.replica);
  view.setUint32(16, token.epoch);
  view.setUint16(20, Math.floor(token.seq / 2 ** 32));
  view.setUint32(22, token.seq % 2 ** 32);
  body.set(token.subject, 26);
  body.set(token.binding, 42);
  view.setBigUint64(74, BigInt(token.budget.bytes));
  view.setUint32(82, token.budget.blobs);
  view.setUint32(86, token.budget.ids);
  body.set(token.salt, 90);
  body.set([tierBytes[token.tier], token.units], 98);
  view.setUint32(100, token.floorAttempts16);
  return body;
}

/**
 * Splits a token into its fields, the bytes under the MAC and the MAC. Throws ProtocolError `challenge-invalid` for
 * what no daemon issues. Nothing in it may be believed before the MAC is checked.
 */
export function decodeChallengeToken(bytes: Uint8Array): { token: ChallengeToken; body: Uint8Array; mac: Uint8Array } {
  if (bytes.length !== challengeTokenBytes) throw new ProtocolError('challenge-invalid', 'token has the wrong length');
  const body = bytes.subarray(0, bodyBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bodyBytes);
  if (body[0] !== challengeTokenVersion || body[1] !== algorithmEq60) {
    throw new ProtocolError('challenge-invalid', 'token of an unknown version or algorithm');
  }
  const purpose = purposes.find((candidate) => purposeBytes[candidate] === body[2]);
  if (purpose === undefined) throw new ProtocolError('challenge-invalid', 'token for an unknown purpose');
  const tier = tiers.find((candidate) => tierBytes[candidate] === body[98]);
  if (tier === undefined) throw new ProtocolError('challenge-invalid', 'token for an unknown tier');
  const budgetBytes = Number(view.getBigUint64(74));
  const token: ChallengeToken = {
    purpose,
    tier,
    units: view.getUint8(99),
    floorAttempts16: view.getUint32(100),
    puzzles: view.getUint8(3),
    effort256: view.getUint32(4),
    issuedAtS: view.getUint32(8),
    lifetimeS: view.getUint16(12),
    replica: view.getUint16(14),
    epoch: view.getUint32(16),
    seq: view.getUint16(20) * 2 ** 32 + view.getUint32(22),
    subject: body.subarray(26, 42),
    binding: body.subarray(42, 74),
    budget: { bytes: budgetBytes, blobs: view.getUint32(82), ids: view.getUint32(86) },
    salt: body.subarray(90, 98),
  };
  const isInRange =
    token.puzzles <= puzzlesMax &&
    token.effort256 >= effort256Min &&
    token.units >= 1 &&
    token.units <= grantUnitsMax &&
    token.floorAttempts16 >= 1 &&
    Number.isSafeInteger(budgetBytes);
  if (!isInRange) {
    throw new ProtocolError('challenge-invalid', 'token has a number out of range');
  }
  return { token, body, mac: bytes.subarray(bodyBytes) };
}
