// Recoveries under way (docs/protocol.md, "Recovery"): a challenge for each, which whoever has the recovery key can sign. An
// unknown account gets one as well, and fails at the same place as a wrong key.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { fromBase64, toBase64 } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import {
  isRecoverySigned,
  type NewPasswordParts,
  recoveryFinishBytes,
  recoveryOpenBytes,
} from '../protocol/recovery-proof.js';
import { ExpiringMap } from './expiring-map.js';

/** A recovery is finished within this time, or started again. */
const recoveryTtlMs = 120_000;
/** Recoveries held at once; each one was paid for with proof of work. */
const recoveriesMax = 10_000;

interface Recovery {
  readonly account: string;
  readonly challenge: Uint8Array;
  isOpen: boolean;
}

/** The account's public recovery key of this moment; undefined for an unknown account. */
type FindPublicKey = (account: string) => Uint8Array | undefined;

/** All throw ProtocolError; what throws `login-failed` ends the recovery. */
export interface Recoveries {
  /** Throws `rate-limited`. */
  start(account: string): { recoveryId: string; challenge: string };
  /** Returns the account; throws `login-failed` unless this is the first time and the signature is right. */
  open(recoveryId: string, signature: string, findPublicKey: FindPublicKey): string;
  /** The same for the new password of a recovery that was opened. It ends, right or wrong. */
  finish(recoveryId: string, signature: string, parts: NewPasswordParts, findPublicKey: FindPublicKey): string;
}

export function createRecoveries(now: () => number): Recoveries {
  const recoveries = new ExpiringMap<Recovery>({ ttlMs: recoveryTtlMs, countMax: recoveriesMax, now });
  // Checked against where there is no account, so that both refusals take the same time.
  const decoy = fromBase64(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '');
  const failed = () => new ProtocolError('login-failed', 'wrong account or recovery key');

  const check = (recoveryId: string, isOpen: boolean): Recovery => {
    const recovery = recoveries.find(recoveryId);
    if (recovery?.isOpen === isOpen) return recovery;
    recoveries.remove(recoveryId);
    throw failed();
  };
  const isSigned = (publicKey: Uint8Array | undefined, bytes: Uint8Array, signature: string): boolean =>
    isRecoverySigned(publicKey ?? decoy, bytes, fromBase64(signature)) && publicKey !== undefined;

  return {
    start(account) {
      const challenge = new Uint8Array(randomBytes(32));
      return { recoveryId: recoveries.add({ account, challenge, isOpen: false }), challenge: toBase64(challenge) };
    },
    open(recoveryId, signature, findPublicKey) {
      const recovery = check(recoveryId, false);
      const bytes = recoveryOpenBytes(recovery.challenge, recovery.account);
      if (!isSigned(findPublicKey(recovery.account), bytes, signature)) {
        recoveries.remove(recoveryId);
        throw failed();
      }
      recovery.isOpen = true;
      return recovery.account;
    },
    finish(recoveryId, signature, parts, findPublicKey) {
      const recovery = check(recoveryId, true);
      recoveries.remove(recoveryId);
      const bytes = recoveryFinishBytes(recovery.challenge, parts);
      if (!isSigned(findPublicKey(recovery.account), bytes, signature)) throw failed();
      return recovery.account;
    },
  };
}
