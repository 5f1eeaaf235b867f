// Snapshot records (docs/format.md, "Snapshot records"): what a snapshot is, sealed to the vault.
import { concatBytes } from '../protocol/bytes.js';
import { blobIdBytes } from '../protocol/limits.js';
import { ClientError, integrityError } from './errors.js';
import { frameKinds } from './frame.js';
import { blobKeyBytes, type NodeRef } from './seal.js';
import { type BodyContext, openBody, sealBody } from './sealed-body.js';
import { arrayField, bytesField, decodeStrict, encodeStrict, integerField, textField } from './strict-cbor.js';

const snapshotTextBytesMax = 255;
const snapshotTagsMax = 64;
const snapshotSourcesMax = 1024;
const sourceBytesMax = 4095;
const countMax = Number.MAX_SAFE_INTEGER;

export interface SnapshotCounts {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly bytes: number;
}

export interface SnapshotRecord {
  readonly root: NodeRef;
  /** 1 to 255 bytes. */
  readonly name: string;
  /** The author's clock, milliseconds since 1970. */
  readonly timeMs: number;
  readonly host: string;
  readonly tags: readonly string[];
  readonly counts: SnapshotCounts;
  /** Absolute paths that were pushed, as bytes. */
  readonly sources: readonly Uint8Array[];
  /** Some sources could not be read. */
  readonly partial: boolean;
}

/** Which vault and which name a record belongs to: 16 and 32 bytes. */
export interface RecordContext {
  readonly vaultId: Uint8Array;
  readonly nameTag: Uint8Array;
}

const version = 1;

function bodyContext({ vaultId, nameTag }: RecordContext): BodyContext {
  return {
    purpose: 'snapshot',
    frameKind: frameKinds.snapshotRecord,
    context: concatBytes(vaultId, nameTag),
  };
}

/** The sealed body of a log entry. Throws ClientError `failed` where tags or sources do not fit into one. */
export function sealSnapshotRecord(
  options: RecordContext & { readonly vaultPublicKey: Uint8Array; readonly record: SnapshotRecord },
): Promise<Uint8Array> {
  return sealBody(options.vaultPublicKey, bodyContext(options), encodeRecord(options.record));
}

/** The record, or integrityError where the body was not sealed to this vault, for this name, or is damaged. */
export async function openSnapshotRecord(
  options: RecordContext & { readonly hpkeSeed: Uint8Array },
  body: Uint8Array,
): Promise<SnapshotRecord> {
  return decodeRecord(await openBody(options.hpkeSeed, bodyContext(options), body));
}

function tooLong(): ClientError {
  return new ClientError(
    'failed',
    'the description of the snapshot is too long',
    'Push fewer paths or use fewer tags.',
  );
}

function encodeRecord(record: SnapshotRecord): Uint8Array {
  const texts = [record.name, record.host, ...record.tags];
  const tooBig =
    texts.some((text) => Buffer.byteLength(text) > snapshotTextBytesMax || text.includes('\0')) ||
    record.tags.length > snapshotTagsMax ||
    record.sources.length > snapshotSourcesMax ||
    record.sources.some((source) => source.length > sourceBytesMax);
  if (tooBig || record.name === '') throw tooLong();
  const { files, directories, symlinks, bytes } = record.counts;
  return encodeStrict([
    version,
    record.root.id,
    record.root.key,
    record.name,
    record.timeMs,
    record.host,
    record.tags,
    [files, directories, symlinks, bytes],
    record.sources,
    record.partial,
  ]);
}

function decodeRecord(raw: Uint8Array): SnapshotRecord {
  const fields = arrayField(decodeStrict(raw), 10, 10);
  if (fields[0] !== version) throw integrityError('a snapshot record of an unknown version');
  const counts = arrayField(fields[7], 4, 4).map((count) => integerField(count, 0, countMax));
  const [files = 0, directories = 0, symlinks = 0, bytes = 0] = counts;
  const name = textField(fields[3], snapshotTextBytesMax);
  const partial = fields[9];
  if (typeof partial !== 'boolean' || name === '') throw integrityError('a snapshot record has a bad field');
  return {
    root: {
      id: bytesField(fields[1], blobIdBytes, blobIdBytes),
      key: bytesField(fields[2], blobKeyBytes, blobKeyBytes),
    },
    name,
    timeMs: integerField(fields[4], 0, countMax),
    host: textField(fields[5], snapshotTextBytesMax),
    tags: arrayField(fields[6], 0, snapshotTagsMax).map((tag) => textField(tag, snapshotTextBytesMax)),
    counts: { files, directories, symlinks, bytes },
    sources: arrayField(fields[8], 0, snapshotSourcesMax).map((source) => bytesField(source, 0, sourceBytesMax)),
    partial,
  };
}
