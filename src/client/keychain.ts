// The OS keychain (docs/cli.md, "Where secrets are kept"). It is first asked how it is, where that can be asked; a process of
// its own then does the work, so that nothing here can hang.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ClientError } from './errors.js';
import type { KeychainAnswer, KeychainRequest } from './keychain-messages.js';
import { findSecretService, type SecretServiceFault, type SecretServiceState } from './secret-service.js';
import type { SessionBus } from './session-bus.js';

type KeychainFault = SecretServiceFault | 'late' | Extract<KeychainAnswer, { fault: string }>['fault'];

const service = 'jaycloud';
const timeoutMs = 8_000;
/** Somebody may be typing the keychain's password. */
const promptTimeoutMs = 20_000;
const answerBytesMax = 1024 * 1024;

const reasons: Readonly<Record<KeychainFault, string>> = {
  'no-bus': 'there is no D-Bus session',
  'silent-bus': 'D-Bus does not answer',
  refused: 'the D-Bus session is not that of this user',
  absent: 'nothing answers for secrets on D-Bus',
  'no-keyring': 'it has no keyring to keep secrets in',
  locked: 'it is locked and nobody unlocked it',
  late: 'it did not answer in time',
  'package-missing': 'the package keytar is not installed',
  'library-missing':
    process.platform === 'linux' ? 'the library libsecret is not installed' : 'the package keytar does not load here',
  forgetful: 'it did not keep the secret',
  failed: 'it answered with an error',
};

/** `detail` is what the system said, for whoever looks closer. */
export class KeychainError extends ClientError {
  readonly fault: KeychainFault;
  readonly reason: string;
  readonly detail: string;

  constructor(fault: KeychainFault, detail: string) {
    super('failed', `the keychain cannot be used: ${reasons[fault]}`, 'jaycloud doctor says more');
    this.fault = fault;
    this.reason = reasons[fault];
    this.detail = detail;
  }
}

/** What asking costs nothing and opens nothing: how the keychain is, and whether the package for it works. Undefined for well. */
export async function findKeychainFault(bus: SessionBus): Promise<KeychainError | undefined> {
  const { fault, detail } = await findService(bus);
  if (fault !== undefined) return new KeychainError(fault, detail);
  return findKeychainPackageFault();
}

export async function findKeychainPackageFault(): Promise<KeychainError | undefined> {
  const answer = await runWorker({ operation: 'load', service, entry: '', secret: undefined }, timeoutMs);
  return 'fault' in answer ? new KeychainError(answer.fault, answer.detail) : undefined;
}

/** A bus that did not answer once is not waited for again. */
let silent: SecretServiceState | undefined;

async function findService(bus: SessionBus): Promise<SecretServiceState> {
  if (process.platform !== 'linux') return { fault: undefined, detail: '' };
  const state = silent ?? (await findSecretService(bus));
  if (state.fault === 'silent-bus') silent = state;
  return state;
}

/** Undefined where the entry does not exist. Throws KeychainError. */
export async function readKeychain(bus: SessionBus, entry: string): Promise<string | undefined> {
  return (await call(bus, { operation: 'read', service, entry, secret: undefined })) ?? undefined;
}

export async function writeKeychain(bus: SessionBus, entry: string, secret: string): Promise<void> {
  await call(bus, { operation: 'write', service, entry, secret });
}

export async function deleteKeychain(bus: SessionBus, entry: string): Promise<void> {
  await call(bus, { operation: 'delete', service, entry, secret: undefined });
}

/** True where somebody can be asked to open it, so that trying is worth while. */
function mayPrompt(bus: SessionBus, fault: KeychainFault): boolean {
  return (fault === 'locked' || fault === 'no-keyring') && bus.hasDisplay;
}

/** Throws KeychainError where it is certain that nothing can be kept. */
export async function checkKeychain(bus: SessionBus): Promise<void> {
  const error = await findKeychainFault(bus);
  if (error !== undefined && !mayPrompt(bus, error.fault)) throw error;
}

async function call(bus: SessionBus, request: KeychainRequest): Promise<string | null> {
  const { fault, detail } = await findService(bus);
  if (fault !== undefined && !mayPrompt(bus, fault)) throw new KeychainError(fault, detail);
  const answer = await runWorker(request, fault === undefined ? timeoutMs : promptTimeoutMs);
  // What is locked looks empty, and a prompt that was dismissed like any other fault.
  const isShut = 'fault' in answer ? answer.fault === 'failed' : answer.value === null;
  if (fault !== undefined && isShut && (await findService(bus)).fault === fault) throw new KeychainError(fault, detail);
  if ('fault' in answer) throw new KeychainError(answer.fault, answer.detail);
  return answer.value;
}

type WorkerAnswer = KeychainAnswer | { readonly fault: 'late'; readonly detail: string };

function runWorker(request: KeychainRequest, limitMs: number): Promise<WorkerAnswer> {
  return new Promise((resolve) => {
    const worker = spawn(process.execPath, [fileURLToPath(new URL('./keychain-worker.js', import.meta.url))], {
      // Libraries of desktops write about themselves.
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
    });
    const end = (answer: WorkerAnswer) => {
      clearTimeout(timer);
      worker.kill('SIGKILL');
      worker.stdout.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      end({ fault: 'late', detail: `no answer within ${String(limitMs / 1000)} s` });
    }, limitMs);
    let output = '';
    worker.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > answerBytesMax) end({ fault: 'failed', detail: 'an answer that is too long' });
    });
    worker.once('error', (error) => {
      end({ fault: 'failed', detail: error.message });
    });
    worker.once('close', (exit, signal) => {
      try {
        end(JSON.parse(output) as KeychainAnswer);
      } catch {
        end({ fault: 'failed', detail: `its process ended with ${signal ?? String(exit)}` });
      }
    });
    worker.stdin.on('error', () => undefined);
    worker.stdin.end(JSON.stringify(request));
  });
}
