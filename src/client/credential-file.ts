// Secrets in a file of mode 0600, for machines without a keychain (docs/cli.md, "Where secrets are kept"). With a
// passphrase the file is encrypted: scrypt (RFC 7914), then the envelope of docs/format.md.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import scryptJs from 'scrypt-js';
import { z } from 'zod';
import { fromBase64, toBase64, utf8 } from '../protocol/bytes.js';
import { writeFileDurably } from './durable-file.js';
import { openEnvelope, sealEnvelope } from './envelope.js';
import { ClientError } from './errors.js';

const entriesShape = z.record(z.string(), z.string());
/** Floors and ceilings: a planted file may neither weaken the hash nor make it run for ever. */
const kdfShape = z.object({
  name: z.literal('scrypt'),
  logN: z.int().min(15).max(20),
  r: z.literal(8),
  p: z.int().min(1).max(4),
  salt: z.string().length(43),
});
const fileShape = z.union([
  z.strictObject({ version: z.literal(1), entries: entriesShape }),
  z.strictObject({ version: z.literal(1), kdf: kdfShape, sealed: z.string() }),
]);
type Kdf = z.infer<typeof kdfShape>;
type Entries = Record<string, string>;

const purpose = 'credential-file';

async function stretch(passphrase: string, kdf: Kdf): Promise<Uint8Array> {
  // The asynchronous form keeps the event loop alive: progress and Ctrl-C work while it runs.
  const password = utf8(passphrase.normalize('NFKC'));
  return scryptJs.scrypt(password, fromBase64(kdf.salt), 2 ** kdf.logN, kdf.r, kdf.p, 32);
}

export interface CredentialFile {
  readonly path: string;
  readonly passphrase: string | undefined;
}

async function readEntries(file: CredentialFile): Promise<Entries> {
  let text: string;
  try {
    text = readFileSync(file.path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ClientError('failed', `cannot read ${file.path}: ${(error as Error).message}`);
  }
  let content: z.infer<typeof fileShape>;
  try {
    content = fileShape.parse(JSON.parse(text));
  } catch (cause) {
    throw new ClientError('failed', `${file.path} is damaged`, 'move it away and log in again', { cause });
  }
  if ('entries' in content) return content.entries;
  if (file.passphrase === undefined) {
    throw new ClientError('not-logged-in', `${file.path} is encrypted`, 'set JAYCLOUD_PASSPHRASE to open it');
  }
  const key = await stretch(file.passphrase, content.kdf);
  let plain: Uint8Array;
  try {
    plain = openEnvelope(key, purpose, utf8(content.kdf.salt), fromBase64(content.sealed));
  } catch (cause) {
    throw new ClientError('wrong-credential', `the passphrase does not open ${file.path}`, undefined, { cause });
  }
  return entriesShape.parse(JSON.parse(Buffer.from(plain).toString('utf8')));
}

async function writeEntries(file: CredentialFile, entries: Entries): Promise<void> {
  mkdirSync(dirname(file.path), { recursive: true, mode: 0o700 });
  if (file.passphrase === undefined) {
    writeFileDurably(file.path, `${JSON.stringify({ version: 1, entries }, undefined, 2)}\n`);
    return;
  }
  const kdf: Kdf = { name: 'scrypt', logN: 15, r: 8, p: 1, salt: toBase64(randomBytes(32)) };
  const key = await stretch(file.passphrase, kdf);
  const sealed = toBase64(sealEnvelope(key, purpose, utf8(kdf.salt), utf8(JSON.stringify(entries))));
  writeFileDurably(file.path, `${JSON.stringify({ version: 1, kdf, sealed }, undefined, 2)}\n`);
}

export async function readCredentialFile(file: CredentialFile, entry: string): Promise<string | undefined> {
  return (await readEntries(file))[entry];
}

/** Stores `secret` under `entry`, or removes the entry where it is undefined. A file becomes encrypted once a passphrase is given. */
export async function writeCredentialFile(
  file: CredentialFile,
  entry: string,
  secret: string | undefined,
): Promise<void> {
  const entries = await readEntries(file);
  const others = Object.entries(entries).filter(([name]) => name !== entry);
  await writeEntries(file, Object.fromEntries(secret === undefined ? others : [...others, [entry, secret]]));
}
