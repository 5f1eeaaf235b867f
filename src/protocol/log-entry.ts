// An entry of the vault log (docs/format.md, "Vault log"): what orders, chains and signs snapshots. The daemon reads
// and checks it too; the sealed body beside it is opaque to the daemon.
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { decode, encode } from 'cborg';
import { sha256 } from './blob-id.js';
import { concatBytes, equalBytes, utf8 } from './bytes.js';
import { ProtocolError } from './errors.js';

export interface LogEntry {
  /** 16 bytes. */
  readonly vaultId: Uint8Array;
  /** 1 for the first entry of a vault, then one more each. */
  readonly seq: number;
  /** `hashLogEntry` of the entry before; 32 zero bytes for the first. */
  readonly previousHash: Uint8Array;
  readonly op: 'push' | 'delete';
  /** HMAC-SHA-256 of the name under the vault's name key. */
  readonly nameTag: Uint8Array;
  /** SHA-256 of the sealed body; of the empty string for a deletion. */
  readonly bodyHash: Uint8Array;
  /** Blob id of the manifest's root; empty for a deletion. */
  readonly root: Uint8Array;
  /** The entry that a deletion deletes; 0 for a push. */
  readonly targetSeq: number;
  /** Ed25519 public key of the author. */
  readonly author: Uint8Array;
  /** The author's clock, milliseconds since 1970. Nothing is decided by it. */
  readonly timeMs: number;
}

const fieldCount = 11;

export function encodeLogEntry(entry: LogEntry): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    encode([
      1,
      entry.vaultId,
      entry.seq,
      entry.previousHash,
      entry.op,
      entry.nameTag,
      entry.bodyHash,
      entry.root,
      entry.targetSeq,
      entry.author,
      entry.timeMs,
    ]),
  );
}

function bytesOf(value: unknown, lengths: readonly number[]): Uint8Array {
  if (!(value instanceof Uint8Array) || !lengths.includes(value.length)) {
    throw new ProtocolError('malformed', 'log entry has a field of the wrong length');
  }
  return value;
}

function countOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new ProtocolError('malformed', 'log entry has a number out of range');
  }
  return value;
}

/** Strict: throws ProtocolError `malformed` for anything but the one encoding of a valid entry. */
export function decodeLogEntry(bytes: Uint8Array): LogEntry {
  let fields: unknown;
  try {
    fields = decode(bytes, { strict: true, rejectDuplicateMapKeys: true });
  } catch (cause) {
    throw new ProtocolError('malformed', 'log entry is not CBOR', { cause });
  }
  if (!Array.isArray(fields) || fields.length !== fieldCount || fields[0] !== 1) {
    throw new ProtocolError('malformed', 'log entry has the wrong shape');
  }
  const op: unknown = fields[4];
  if (op !== 'push' && op !== 'delete') throw new ProtocolError('malformed', 'log entry has an unknown op');
  const entry: LogEntry = {
    vaultId: bytesOf(fields[1], [16]),
    seq: countOf(fields[2]),
    previousHash: bytesOf(fields[3], [32]),
    op,
    nameTag: bytesOf(fields[5], [32]),
    bodyHash: bytesOf(fields[6], [32]),
    root: bytesOf(fields[7], [op === 'push' ? 32 : 0]),
    targetSeq: countOf(fields[8]),
    author: bytesOf(fields[9], [32]),
    timeMs: countOf(fields[10]),
  };
  if (entry.seq < 1 || (op === 'push') !== (entry.targetSeq === 0) || entry.targetSeq >= entry.seq) {
    throw new ProtocolError('malformed', 'log entry contradicts itself');
  }
  if (!equalBytes(encodeLogEntry(entry), bytes)) throw new ProtocolError('malformed', 'log entry is not canonical');
  return entry;
}

/** What the next entry names as its previous hash. The signature is part of it, so neither can be changed later. */
export function hashLogEntry(entryBytes: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(concatBytes(utf8('jaycloud/1/log-hash'), Uint8Array.of(0), entryBytes, signature));
}

const pkcs8Ed25519 = Uint8Array.from(Buffer.from('302e020100300506032b657004220420', 'hex'));
const spkiEd25519 = Uint8Array.from(Buffer.from('302a300506032b6570032100', 'hex'));

/** An Ed25519 private key from its 32-byte seed (RFC 8032, RFC 8410). */
export function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  const der = Buffer.from(concatBytes(pkcs8Ed25519, seed));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

export function ed25519PublicKeyOf(privateKey: KeyObject): Uint8Array<ArrayBuffer> {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(spkiEd25519.length));
}

function signedBytes(entryBytes: Uint8Array): Uint8Array {
  return concatBytes(utf8('jaycloud/1/log-entry'), Uint8Array.of(0), entryBytes);
}

/** 64 bytes of Ed25519 over the label and the entry. */
export function signLogEntry(privateKey: KeyObject, entryBytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sign(null, signedBytes(entryBytes), privateKey));
}

/** False for a wrong signature and for a public key that is no point. */
export function isLogEntrySigned(publicKey: Uint8Array, entryBytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    const der = Buffer.from(concatBytes(spkiEd25519, publicKey));
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return verify(null, signedBytes(entryBytes), key, signature);
  } catch {
    return false;
  }
}
