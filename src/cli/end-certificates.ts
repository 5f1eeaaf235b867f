// Says in the vault log that sessions have ended, so that readers refuse what a copied key signs later, whatever the daemon
// does. The daemon has ended them by then: a fault here is told and changes nothing about that.
import { ClientError } from '../client/errors.js';
import { revokeCertificates } from '../client/tokens.js';
import { VaultLog } from '../client/vault-log.js';
import { toHex } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Session } from './session.js';

/** Of sessions other than this machine's own. `isMeant` gets session ids of 32 hex digits. */
export async function endCertificates(session: Session, isMeant: (sessionId: string) => boolean): Promise<void> {
  try {
    const vault = await session.vault();
    const own = toHex(vault.author.entityId);
    await revokeCertificates(await VaultLog.read(vault), ({ kind, id }) => {
      const sessionId = toHex(id);
      return kind === 'session' && sessionId !== own && isMeant(sessionId);
    });
  } catch (error) {
    if (!(error instanceof ClientError) && !(error instanceof ProtocolError)) throw error;
    session.output.note(`warning: the vault log does not say yet that sessions have ended: ${error.message}`);
  }
}

/** Of this machine's session: readers then refuse what a copy of its key signs. Returns how many there were. */
export async function endOwnCertificate(session: Session): Promise<number> {
  const vault = await session.vault();
  const own = toHex(vault.author.entityId);
  try {
    const log = await VaultLog.read(vault);
    return await revokeCertificates(log, ({ kind, id }) => kind === 'session' && toHex(id) === own);
  } catch (error) {
    // A log that is not right must not keep anybody from logging out.
    if (!(error instanceof ClientError) || error.code !== 'integrity') throw error;
    session.output.note(`warning: ${error.message}`);
    return 0;
  }
}
