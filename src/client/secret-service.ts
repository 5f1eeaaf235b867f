// How the keychain of a Linux desktop is, asked without opening, unlocking or making anything (the Secret Service API).
import { BusConnection, BusError, type SessionBus } from './session-bus.js';

/** Why the keychain cannot be used. */
export type SecretServiceFault = 'no-bus' | 'silent-bus' | 'refused' | 'absent' | 'no-keyring' | 'locked';

export interface SecretServiceState {
  /** Undefined where it can be used. */
  readonly fault: SecretServiceFault | undefined;
  /** What the system said, for whoever looks closer. */
  readonly detail: string;
}

const service = { destination: 'org.freedesktop.secrets', path: '/org/freedesktop/secrets' };

export async function findSecretService(bus: SessionBus): Promise<SecretServiceState> {
  let connection: BusConnection | undefined;
  try {
    connection = await BusConnection.open(bus);
    return await askService(connection);
  } catch (error) {
    if (error instanceof BusError) return { fault: error.fault, detail: error.message };
    throw error;
  } finally {
    connection?.close();
  }
}

async function askService(connection: BusConnection): Promise<SecretServiceState> {
  // The keyring that new secrets go to, here and in the package that stores them.
  const alias = { interface: 'org.freedesktop.Secret.Service', member: 'ReadAlias', args: ['default'] };
  const keyring = await connection.call({ ...service, ...alias });
  if ('error' in keyring) return { fault: 'absent', detail: keyring.error };
  if (typeof keyring.value !== 'string' || keyring.value === '/') return { fault: 'no-keyring', detail: 'no default' };
  const property = { interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
  const args = ['org.freedesktop.Secret.Collection', 'Locked'];
  const locked = await connection.call({ ...service, path: keyring.value, ...property, args });
  if ('error' in locked) return { fault: 'no-keyring', detail: locked.error };
  return { fault: locked.value === true ? 'locked' : undefined, detail: keyring.value };
}
