// Secrets in a file of mode 0600, for machines without a keychain (docs/cli.md, "Where secrets are kept"). With a
// passphrase the file is encrypted: scrypt (RFC 7914), then the envelope of docs/format.md.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fromBase64, toBase64, utf8 } from '../protocol/bytes.js';
import * as z from '../protocol/packages/zod.js';
import { unwritable } from './config.js';
import { writeFileDurably } from './durable-file.js';
import { openEnvelope, sealEnvelope } from './envelope.js';
import { ClientError } from './errors.js';
import { makeFolders } from './make-folders.js';

const entriesShape = z.record(z.string(), z.string());
/** Floors and ceilings: a planted file may neither weaken the hash nor make it run for ever. */
const kdfShape = z.object({
  name: z.literal('scrypt'),
  logN: z.int().check(z.minimum(15), z.maximum(20)),
  r: z.literal(8),
  p: z.int().check(z.minimum(1), z.maximum(4)),
  salt: z.string().check(z.length(43)),
});
const fileShape = z.union([
  z.strictObject({ version: z.literal(1), entries: entriesShape }),
  z.strictObject({ version: z.literal(1), kdf: kdfShape, sealed: z.string() }),
]);
type Kdf = z.infer<typeof kdfShape>;
type FileContent = z.infer<typeof fileShape>;
type Entries = Record<string, string>;

const purpose = 'credential-file';
/** What a new salt is used with (docs/decisions/0006-eq60-and-scrypt.md). Older files keep theirs until they get a new salt. */
const newKdf = { name: 'scrypt', logN: 17, r: 8, p: 1 } as const;

/** The last key of this process: the next reading or writing of the same file costs nothing. */
let lastKey: { readonly passphrase: string; readonly kdf: string; readonly key: Uint8Array } | undefined;

async function stretch(passphrase: string, kdf: Kdf): Promise<Uint8Array> {
  const kdfText = JSON.stringify(kdf);
  if (lastKey?.passphrase === passphrase && lastKey.kdf === kdfText) return lastKey.key;
  const { default: scryptJs } = await import('scrypt-js');
  // The asynchronous form keeps the event loop alive: progress and Ctrl-C work while it runs.
  const password = utf8(passphrase.normalize('NFKC'));
  const key = await scryptJs.scrypt(password, fromBase64(kdf.salt), 2 ** kdf.logN, kdf.r, kdf.p, 32);
  lastKey = { passphrase, kdf: kdfText, key };
  return key;
}

export interface CredentialFile {
  readonly path: string;
  readonly passphrase: string | undefined;
  /** Where it opens the file, the file is written anew under `passphrase`, or in the clear without one. */
  readonly oldPassphrase: string | undefined;
}

/** Undefined where there is no file. */
function readContent(path: string): FileContent | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ClientError('failed', `cannot read ${path}: ${(error as Error).message}`);
  }
  try {
    return fileShape.parse(JSON.parse(text));
  } catch (cause) {
    throw new ClientError('failed', `${path} is damaged`, 'move it away and log in again', { cause });
  }
}

/** Undefined where there is no file. Needs no passphrase. */
export function isCredentialFileEncrypted(path: string): boolean | undefined {
  const content = readContent(path);
  return content === undefined ? undefined : 'kdf' in content;
}

interface OpenFile {
  readonly entries: Entries;
  /** What the passphrase is stretched with the next time; undefined for a new salt. */
  readonly kdf: Kdf | undefined;
  readonly isOpenedByOld: boolean;
}

async function openFile({ path, passphrase, oldPassphrase }: CredentialFile): Promise<OpenFile> {
  const content = readContent(path);
  if (content === undefined) return { entries: {}, kdf: undefined, isOpenedByOld: false };
  if ('entries' in content) return { entries: content.entries, kdf: undefined, isOpenedByOld: false };
  if (passphrase === undefined && oldPassphrase === undefined) {
    throw new ClientError('not-logged-in', `${path} is encrypted`, 'set JAYCLOUD_PASSPHRASE to open it');
  }
  const isCurrent = content.kdf.logN >= newKdf.logN;
  // Who gives the old one has most likely not changed the file yet, and each try takes a second.
  for (const candidate of [oldPassphrase, passphrase]) {
    if (candidate === undefined) continue;
    const entries = openSealed(await stretch(candidate, content.kdf), content);
    const isOpenedByOld = candidate !== passphrase;
    if (entries !== undefined)
      return { entries, kdf: isCurrent && !isOpenedByOld ? content.kdf : undefined, isOpenedByOld };
  }
  throw new ClientError(
    'wrong-credential',
    `the passphrase does not open ${path}`,
    'JAYCLOUD_PASSPHRASE must be the one that it was encrypted with; without it, move the file away and log in again',
  );
}

/** Undefined for a wrong key. */
function openSealed(key: Uint8Array, { kdf, sealed }: Extract<FileContent, { kdf: Kdf }>): Entries | undefined {
  let plain: Uint8Array;
  try {
    plain = openEnvelope(key, purpose, utf8(kdf.salt), fromBase64(sealed));
  } catch {
    return undefined;
  }
  return entriesShape.parse(JSON.parse(Buffer.from(plain).toString('utf8')));
}

async function writeEntries({ path, passphrase }: CredentialFile, entries: Entries, known?: Kdf): Promise<void> {
  let content: FileContent = { version: 1, entries };
  if (passphrase !== undefined) {
    const kdf = known ?? { ...newKdf, salt: toBase64(randomBytes(32)) };
    const key = await stretch(passphrase, kdf);
    const sealed = toBase64(sealEnvelope(key, purpose, utf8(kdf.salt), utf8(JSON.stringify(entries))));
    content = { version: 1, kdf, sealed };
  }
  try {
    makeFolders(dirname(path), 0o700);
    writeFileDurably(path, `${JSON.stringify(content, undefined, 2)}\n`);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** Throws ClientError where the file cannot be opened, and so not be written either. */
export async function checkCredentialFile(file: CredentialFile): Promise<void> {
  await openFile(file);
}

export async function readCredentialFile(file: CredentialFile, entry: string): Promise<string | undefined> {
  const { entries, isOpenedByOld } = await openFile(file);
  if (isOpenedByOld) await writeEntries(file, entries);
  return entries[entry];
}

/**
 * Stores `secret` under `entry`, or removes the entry where it is undefined. A file becomes encrypted once a passphrase is
 * given; without one an encrypted file is never written in the clear, unless its own passphrase is given as the old one.
 */
export async function writeCredentialFile(
  file: CredentialFile,
  entry: string,
  secret: string | undefined,
): Promise<void> {
  const { entries, kdf } = await openFile(file);
  const others = Object.entries(entries).filter(([name]) => name !== entry);
  await writeEntries(file, Object.fromEntries(secret === undefined ? others : [...others, [entry, secret]]), kdf);
}
