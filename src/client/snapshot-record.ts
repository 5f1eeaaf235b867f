// Snapshot records (docs/format.md, "Snapshot records"): what a snapshot is, under a random key that is sealed to the
// vault's public key. Whoever pushes needs no secret of the vault for it, and cannot open what others sealed.
import { randomBytes, type webcrypto } from 'node:crypto';
import { gcmTagBytes } from '../protocol/blob-layout.js';
import { concatBytes, equalBytes } from '../protocol/bytes.js';
import { blobIdBytes, logBodyBytesMax, rawBytesMax } from '../protocol/limits.js';
import { envelopeOverheadBytes, openEnvelope, sealEnvelope } from './envelope.js';
import { ClientError, integrityError } from './errors.js';
import { decodeFrame, encodeFrame, frameKinds } from './frame.js';
import { labelled } from './hkdf.js';
import { blobKeyBytes, type NodeRef } from './seal.js';
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

export interface VaultKeyPair {
  /** X25519, 32 bytes each. */
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** "JCS1". */
const magic = Uint8Array.of(0x4a, 0x43, 0x53, 0x31);
const version = 1;
const recordKeyBytes = 32;
const encapsulationBytes = 32;
const sealedKeyBytes = recordKeyBytes + gcmTagBytes;
const clearBytes = magic.length + encapsulationBytes + sealedKeyBytes;

/** Loads what sealing and opening need; whoever calls it early has less to wait for later. */
export async function loadSuite() {
  return (await import('./hpke-suite.js')).suite;
}

/** The package's types name browser types that Node declares elsewhere. */
async function deriveKeyPair(hpkeSeed: Uint8Array): Promise<webcrypto.CryptoKeyPair> {
  const suite = await loadSuite();
  return (await suite.kem.deriveKeyPair(new Uint8Array(hpkeSeed).buffer)) as webcrypto.CryptoKeyPair;
}

async function publicKeyOf(raw: Uint8Array): Promise<webcrypto.CryptoKey> {
  const suite = await loadSuite();
  return (await suite.kem.deserializePublicKey(new Uint8Array(raw).buffer)) as webcrypto.CryptoKey;
}

/** The vault's key pair: DeriveKeyPair of RFC 9180 section 7.1.3 over the 32-byte seed. */
export async function vaultKeyPair(hpkeSeed: Uint8Array): Promise<VaultKeyPair> {
  const { kem } = await loadSuite();
  const pair = await deriveKeyPair(hpkeSeed);
  return {
    publicKey: new Uint8Array(await kem.serializePublicKey(pair.publicKey)),
    privateKey: new Uint8Array(await kem.serializePrivateKey(pair.privateKey)),
  };
}

function contextBytes(context: RecordContext): Uint8Array {
  return concatBytes(context.vaultId, context.nameTag);
}

function hpkeInfo(context: RecordContext): ArrayBuffer {
  return labelled('jaycloud/1/snapshot-key', contextBytes(context)).buffer;
}

/** The sealed body of a log entry. Throws ClientError `failed` where tags or sources do not fit into one. */
export async function sealSnapshotRecord(
  options: RecordContext & { readonly vaultPublicKey: Uint8Array; readonly record: SnapshotRecord },
): Promise<Uint8Array> {
  const raw = encodeRecord(options.record);
  if (raw.length > rawBytesMax) throw tooLong();
  const frame = encodeFrame(frameKinds.snapshotRecord, raw);
  if (clearBytes + envelopeOverheadBytes + frame.length > logBodyBytesMax) throw tooLong();
  const recordKey = new Uint8Array(randomBytes(recordKeyBytes));
  const recipientPublicKey = await publicKeyOf(options.vaultPublicKey);
  const suite = await loadSuite();
  const sealedKey = await suite.seal({ recipientPublicKey, info: hpkeInfo(options) }, recordKey.buffer);
  const envelope = sealEnvelope(recordKey, 'snapshot', contextBytes(options), frame);
  return concatBytes(magic, new Uint8Array(sealedKey.enc), new Uint8Array(sealedKey.ct), envelope);
}

/** The record, or integrityError where the body was not sealed to this vault, for this name, or is damaged. */
export async function openSnapshotRecord(
  options: RecordContext & { readonly hpkeSeed: Uint8Array },
  body: Uint8Array,
): Promise<SnapshotRecord> {
  if (body.length < clearBytes || body.length > logBodyBytesMax) throw integrityError('a snapshot has a bad length');
  if (!equalBytes(body.subarray(0, magic.length), magic)) throw integrityError('a snapshot of an unknown version');
  const keyAt = magic.length + encapsulationBytes;
  const enc = body.slice(magic.length, keyAt).buffer;
  const sealedKey = body.slice(keyAt, clearBytes).buffer;
  try {
    const { privateKey } = await deriveKeyPair(options.hpkeSeed);
    const suite = await loadSuite();
    const recordKey = await suite.open({ recipientKey: privateKey, enc, info: hpkeInfo(options) }, sealedKey);
    const opened = openEnvelope(
      new Uint8Array(recordKey),
      'snapshot',
      contextBytes(options),
      body.subarray(clearBytes),
    );
    return decodeRecord(decodeFrame(opened, frameKinds.snapshotRecord));
  } catch (cause) {
    if (cause instanceof ClientError && cause.code === 'integrity') throw cause;
    throw integrityError('a snapshot does not open with the keys of this vault', cause);
  }
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
