// Writing into the vault log (docs/format.md, "Vault log"): sign for the head that was seen, and again where others were
// faster. What only the identity may write is signed by it.
import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../protocol/blob-id.js';
import { fromHex, toBase64 } from '../protocol/bytes.js';
import { scopes } from '../protocol/certificate.js';
import { ProtocolError } from '../protocol/errors.js';
import { encodeLogEntry, type LogChange, signLogEntry } from '../protocol/log-entry.js';
import type { AppendLogRequest } from '../protocol/messages.js';
import { sealAuthorRecord } from './author-record.js';
import type { BlindLog } from './blind-log.js';
import { ClientError } from './errors.js';
import type { Vault } from './vault.js';
import type { VaultLog } from './vault-log.js';

/** Others may go first for so long. */
const patienceMs = 60_000;
/** Others may write without standing in line: processes on one local vault, daemons on one database. */
const stepAsideMsMax = 2_000;

export type WritableLog = VaultLog | BlindLog;

/** What is to be written, made anew for every try; undefined where it is not wanted any more. */
export interface Writing {
  readonly change: LogChange;
  readonly body?: Uint8Array;
  readonly token?: AppendLogRequest['token'];
}

export interface WrittenEntry {
  readonly seq: number;
  readonly hash: Uint8Array;
  readonly receivedAt: string;
  /** Of a push. */
  readonly version: number | undefined;
}

interface Signer {
  readonly key: KeyObject;
  readonly publicKey: Uint8Array;
}

/** Signed by the identity; throws ClientError `forbidden` where it is not here. */
export function identitySigner({ identityKey, identityPublicKey }: Vault): Signer {
  if (identityKey === undefined) {
    throw new ClientError('forbidden', 'a token cannot do this', 'log in on a machine of yours');
  }
  return { key: identityKey, publicKey: identityPublicKey };
}

/** Signed by the session or token. A session that has not written before is certified first. */
export async function authorSigner(log: WritableLog): Promise<Signer> {
  const { vault } = log;
  const { signingKey: key, publicKey } = vault.author;
  if ('findAuthor' in log && vault.identityKey !== undefined) await certifySession(log);
  return { key, publicKey };
}

async function certifySession(log: VaultLog): Promise<void> {
  const { vault } = log;
  const { entityId: id, publicKey } = vault.author;
  if (log.findAuthor(publicKey) !== undefined) return;
  const context = { vaultId: fromHex(vault.vaultId), entityId: id };
  const body = await sealAuthorRecord(await vault.publicKey(), context, { label: vault.label, prefix: '' });
  const certificate = {
    kind: 'session' as const,
    id,
    publicKey,
    scopes,
    prefixTags: [],
    expiresAtMs: 0,
    quotaBytes: 0,
    isPushOnly: false,
  };
  await write(log, identitySigner(vault), () =>
    log.findAuthor(publicKey) === undefined ? { change: { op: 'certify', certificate }, body } : undefined,
  );
}

/** Appends one entry; undefined where `make` found on the way that it is not wanted any more. */
export async function write(
  log: WritableLog,
  signer: Signer,
  make: () => Writing | undefined,
): Promise<WrittenEntry | undefined> {
  const { vault } = log;
  const givenUpAt = performance.now() + patienceMs;
  let turn: string | undefined;
  for (let tries = 1; ; tries += 1) {
    const writing = make();
    if (writing === undefined) return undefined;
    const { change, body = new Uint8Array(), token } = writing;
    const seq = log.head.seq + 1;
    const entry = encodeLogEntry({
      vaultId: fromHex(vault.vaultId),
      seq,
      previousHash: log.head.hash,
      author: signer.publicKey,
      timeMs: Date.now(),
      bodyHash: sha256(body),
      change,
    });
    const signature = signLogEntry(signer.key, entry);
    const request = { entry: toBase64(entry), signature: toBase64(signature), body: toBase64(body) };
    try {
      const answer = await vault.api.appendLog({
        ...request,
        ...(token === undefined ? {} : { token }),
        ...(turn === undefined ? {} : { turn }),
      });
      const { hash } = log.acknowledge({ ...request, receivedAt: answer.receivedAt });
      return { seq, hash, receivedAt: answer.receivedAt, version: answer.version };
    } catch (error) {
      const isConflict = error instanceof ProtocolError && error.code === 'conflict';
      if (!isConflict || performance.now() > givenUpAt) throw error;
      if (tries > 1) await sleep(Math.random() * Math.min(2 ** tries, stepAsideMsMax));
      turn = await takeTurn(log);
    }
  }
}

/** Undefined where the line was too long, or another's turn passed unused; the next try may still be in time. */
async function takeTurn(log: WritableLog): Promise<string | undefined> {
  let turn: string | undefined;
  try {
    ({ turn } = await log.vault.api.takeTurn());
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== 'conflict') throw error;
  }
  await log.refresh();
  return turn;
}
