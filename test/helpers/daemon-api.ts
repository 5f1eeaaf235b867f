// A client that speaks to a real daemon through the client's own functions, with the session of a machine that is logged in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonApi } from '../../src/client/daemon-api.js';
import { createHttpTransport } from '../../src/client/http-transport.js';
import type { Machine } from './programs.js';

/** What the credential file of a machine holds for its one login. */
export interface StoredCredential {
  readonly account: string;
  readonly vaultId: string;
  readonly sessionId: string;
  /** Of the local default vault alone, until somebody gives it one. */
  readonly password?: string;
  readonly sessionSecret: string;
  readonly signingSeed: string;
  readonly root: string;
  readonly vaultSecrets: readonly string[];
}

export function credentialOf(machine: Machine): StoredCredential {
  const path = join(machine.env['JAYCLOUD_CONFIG_DIR'] ?? '', 'credentials.json');
  const { entries } = JSON.parse(readFileSync(path, 'utf8')) as { entries: Record<string, string> };
  return JSON.parse(Object.values(entries)[0] ?? '') as StoredCredential;
}

export async function apiOf(machine: Machine): Promise<DaemonApi> {
  const transport = await createHttpTransport(machine.env['JAYCLOUD_SERVER'] ?? '');
  return new DaemonApi(transport, { sessionSecret: credentialOf(machine).sessionSecret });
}

/** A grant of a daemon that runs with `--pow off`. */
export async function freeGrant(api: DaemonApi, purpose: 'upload' | 'query'): Promise<string> {
  const { token } = await api.createChallenge({ purpose });
  return (await api.createGrant({ proof: { token, solutions: '' } })).grant;
}
