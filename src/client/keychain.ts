// The OS keychain (docs/cli.md, "Where secrets are kept"); the only importer of keytar, loaded when it is first asked.
import type keytarPackage from 'keytar';
import { ClientError } from './errors.js';

type Keytar = typeof keytarPackage;

const service = 'jaycloud';
/** A desktop may show an unlock prompt, a broken bus may never answer. */
const timeoutMs = 8_000;

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${String(timeoutMs / 1000)} s`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs one call; every fault, a missing package or system library included, becomes a ClientError with its reason. */
async function call<T>(work: (keytar: Keytar) => Promise<T>): Promise<T> {
  try {
    const { default: keytar } = await import('keytar');
    return await withTimeout(work(keytar));
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new ClientError('failed', `the keychain cannot be used: ${reason}`, undefined, { cause });
  }
}

export function readKeychain(entry: string): Promise<string | undefined> {
  return call(async (keytar) => (await keytar.getPassword(service, entry)) ?? undefined);
}

/** Writes and reads back: some keychains accept a secret and forget it. */
export async function writeKeychain(entry: string, secret: string): Promise<void> {
  await call((keytar) => keytar.setPassword(service, entry, secret));
  if ((await readKeychain(entry)) !== secret) throw new ClientError('failed', 'the keychain did not keep the secret');
}

export function deleteKeychain(entry: string): Promise<boolean> {
  return call((keytar) => keytar.deletePassword(service, entry));
}
