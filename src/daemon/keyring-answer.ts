// The keyring of an account as it travels, to whoever has proved the password or the recovery key.
import { toBase64 } from '../protocol/bytes.js';
import type { CreateSessionResponse } from '../protocol/messages.js';
import type { AccountKeyring } from './db/accounts.js';

export function keyringAnswer(keyring: AccountKeyring): Omit<CreateSessionResponse, 'session'> {
  return {
    account: keyring.name,
    accountId: keyring.accountId,
    keys: {
      identityPublicKey: toBase64(keyring.identityPublicKey),
      recoveryPublicKey: toBase64(keyring.recoveryPublicKey),
      passwordEnvelope: toBase64(keyring.passwordEnvelope),
      recoveryEnvelope: toBase64(keyring.recoveryEnvelope),
      vaultId: keyring.vaultId,
      vaultPublicKey: toBase64(keyring.vaultPublicKey),
      vaultEnvelope: toBase64(keyring.vaultEnvelope),
    },
  };
}
