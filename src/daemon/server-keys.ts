// The daemon's own secrets (docs/storage.md, "Server keys"): made once, on the first start. None of them opens a blob.
import { hkdfSync, randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ready as opaqueReady, server as opaqueServer } from '@serenity-kit/opaque';
import { fromBase64, toBase64, utf8 } from '../protocol/bytes.js';
import * as z from '../protocol/packages/zod.js';
import { syncFolder } from './packs/sync-folder.js';

export interface ServerKeys {
  /** 32 bytes that all tokens and nonces of this daemon derive from; `deriveServerKey` only. */
  readonly masterKey: Uint8Array;
  /** Long-term OPAQUE secrets: without them no password of any account can be checked again. */
  readonly opaqueServerSetup: string;
}

const keysFile = z.strictObject({
  version: z.literal(1),
  masterKey: z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/)),
  opaqueServerSetup: z.string().check(z.minLength(1)),
});

/** 32 bytes for one purpose; other purposes learn nothing of them. */
export function deriveServerKey(keys: ServerKeys, purpose: string): Uint8Array {
  return new Uint8Array(
    hkdfSync('sha256', keys.masterKey, new Uint8Array(0), utf8(`jaycloud/1/daemon/${purpose}`), 32),
  );
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function readKeys(path: string): Promise<ServerKeys | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  const file = keysFile.parse(JSON.parse(text));
  return { masterKey: fromBase64(file.masterKey), opaqueServerSetup: file.opaqueServerSetup };
}

/** Reads `DATA/server-keys.json`, or makes it. Two processes that start at once end up with the same keys. */
export async function openServerKeys(dataDir: string): Promise<{ keys: ServerKeys; isNew: boolean }> {
  const path = join(dataDir, 'server-keys.json');
  const present = await readKeys(path);
  if (present !== undefined) return { keys: present, isNew: false };
  await opaqueReady;
  const file = { version: 1, masterKey: toBase64(randomBytes(32)), opaqueServerSetup: opaqueServer.createSetup() };
  const tempPath = `${path}.${toBase64(randomBytes(9))}.tmp`;
  let isNew = true;
  try {
    const handle = await open(tempPath, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(file)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A link fails where a rename would overwrite: the first process wins, and the file is whole from its first moment.
    await link(tempPath, path).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
      isNew = false;
    });
  } finally {
    await rm(tempPath, { force: true });
  }
  await syncFolder(dataDir);
  const keys = await readKeys(path);
  if (keys === undefined) throw new Error('server-keys.json vanished while it was being made');
  return { keys, isNew };
}
