// The process that talks to the keychain, for one request. A process, because a call that never returns would keep the
// whole program from ending, and this can be killed. The only importer of keytar, which needs a library of the system.
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import type keytarPackage from 'keytar';
import type { KeychainAnswer, KeychainRequest } from './keychain-messages.js';

type Keytar = typeof keytarPackage;

function loadKeytar(): Keytar | KeychainAnswer {
  try {
    return createRequire(import.meta.url)('keytar') as Keytar;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    return { fault: isMissing ? 'package-missing' : 'library-missing', detail: firstLine(error) };
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

async function answer({ operation, service, entry, secret }: KeychainRequest): Promise<KeychainAnswer> {
  const keytar = loadKeytar();
  if ('fault' in keytar || 'value' in keytar) return keytar;
  try {
    if (operation === 'load') return { value: null };
    if (operation === 'read') return { value: await keytar.getPassword(service, entry) };
    if (operation === 'delete') return { value: (await keytar.deletePassword(service, entry)) ? '' : null };
    await keytar.setPassword(service, entry, secret ?? '');
    // Some keychains accept a secret and forget it.
    const isKept = (await keytar.getPassword(service, entry)) === secret;
    return isKept ? { value: '' } : { fault: 'forgetful', detail: '' };
  } catch (error) {
    return { fault: 'failed', detail: firstLine(error) };
  }
}

// The request comes in through a pipe: others may read a command line.
const request = JSON.parse(await text(process.stdin)) as KeychainRequest;
process.stdout.write(JSON.stringify(await answer(request)));
