// The head of a vault log that this machine last saw (docs/format.md, "Vault log"): what a rolled-back log is told by.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fromHex, toHex } from '../protocol/bytes.js';
import { writeFileDurably } from './durable-file.js';
import { ClientError } from './errors.js';
import { makeFolders } from './make-folders.js';
import type { Vault } from './vault.js';

export interface LogHead {
  readonly seq: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

export const noHead: LogHead = { seq: 0, hash: new Uint8Array(32) };

export function readSeenHead({ headPath }: Vault): LogHead {
  let text: string;
  try {
    text = readFileSync(headPath, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return noHead;
    throw new ClientError('failed', `cannot read ${headPath}: ${(error as Error).message}`);
  }
  try {
    const { seq, hash } = JSON.parse(text) as { seq: unknown; hash: unknown };
    if (typeof seq !== 'number' || typeof hash !== 'string') throw new TypeError('wrong shape');
    return { seq, hash: fromHex(hash) };
  } catch (cause) {
    throw new ClientError('failed', `${headPath} is damaged`, 'remove it if you trust the daemon now', { cause });
  }
}

export function writeSeenHead(vault: Vault, head: LogHead): void {
  if (head.seq <= readSeenHead(vault).seq) return;
  const folder = dirname(vault.headPath);
  try {
    makeFolders(folder, 0o700);
    writeFileDurably(vault.headPath, `${JSON.stringify({ seq: head.seq, hash: toHex(head.hash) })}\n`);
  } catch {
    // Reading works on a machine that can keep nothing. It checks against what was seen before, if anything.
    vault.onNote?.(
      `${folder} cannot be written: this machine will not notice if the daemon goes back to an older state`,
    );
  }
}

/** What a log that does not extend the head is: the daemon lost entries, or it lies. */
export function rolledBack(vault: Vault, detail: string): ClientError {
  return new ClientError(
    'integrity',
    `the vault log of '${vault.account}' is not the one this machine has seen: ${detail}`,
    `the daemon may have lost entries or be lying: do not push, compare 'jaycloud log' on another machine and ask ` +
      `the operator; if you know why and accept it, remove ${vault.headPath}`,
  );
}
