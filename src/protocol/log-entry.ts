// An entry of the vault log (docs/format.md, "Vault log"): what orders, chains and signs all that happens in a vault. The
// daemon reads and checks it too; the sealed body beside it is opaque to the daemon.
import type { KeyObject } from 'node:crypto';
import { sha256 } from './blob-id.js';
import { concatBytes, equalBytes, utf8 } from './bytes.js';
import { type Certificate, decodeCertificate, encodeCertificate } from './certificate.js';
import { isLabelledSigned, signLabelled } from './ed25519.js';
import { ProtocolError } from './errors.js';
import { revokedAtOnceMax } from './limits.js';
import { bytesOf, countOf, listOf } from './log-fields.js';
import { namePathNodes } from './name-path.js';
import { decode, encode } from './packages/cborg.js';

export type LogChange =
  /** A new snapshot. `namePath` says of which series, `root` is the blob id of its manifest. */
  | { readonly op: 'push'; readonly namePath: Uint8Array; readonly root: Uint8Array }
  /** A push is deleted: its seq. */
  | { readonly op: 'delete'; readonly targetSeq: number }
  /** The identity lets another key write. */
  | { readonly op: 'certify'; readonly certificate: Certificate }
  /** Certificates end: the seqs of their entries, rising. */
  | { readonly op: 'revoke'; readonly targetSeqs: readonly number[] }
  /** Another identity and another vault key from here on; every certificate ends. `consent` is signed by the new identity. */
  | {
      readonly op: 'rotate';
      readonly identityPublicKey: Uint8Array;
      readonly vaultPublicKey: Uint8Array;
      readonly consent: Uint8Array;
    };

export interface LogEntry {
  /** 16 bytes. */
  readonly vaultId: Uint8Array;
  /** 1 for the first entry of a vault, then one more each. */
  readonly seq: number;
  /** `hashLogEntry` of the entry before; 32 zero bytes for the first. */
  readonly previousHash: Uint8Array;
  /** Ed25519 public key of the author. */
  readonly author: Uint8Array;
  /** The author's clock, milliseconds since 1970. Nothing is decided by it. */
  readonly timeMs: number;
  /** SHA-256 of the sealed body; of the empty string where there is none. */
  readonly bodyHash: Uint8Array;
  readonly change: LogChange;
}

const fieldCount = 8;
const entryLabel = 'jaycloud/1/log-entry';
const consentLabel = 'jaycloud/1/log-rotate';

function encodeChange(change: LogChange): unknown[] {
  switch (change.op) {
    case 'push':
      return [change.op, change.namePath, change.root];
    case 'delete':
      return [change.op, change.targetSeq];
    case 'certify':
      return [change.op, ...encodeCertificate(change.certificate)];
    case 'revoke':
      return [change.op, change.targetSeqs];
    case 'rotate':
      return [change.op, change.identityPublicKey, change.vaultPublicKey, change.consent];
  }
}

export function encodeLogEntry(entry: LogEntry): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    encode([
      1,
      entry.vaultId,
      entry.seq,
      entry.previousHash,
      entry.author,
      entry.timeMs,
      entry.bodyHash,
      encodeChange(entry.change),
    ]),
  );
}

/** `seq` is that of the entry: it can only speak of what came before. */
function decodeChange(value: unknown, seq: number): LogChange {
  const [op, ...fields] = listOf(value, 2, 16);
  const isBefore = (target: number) => target >= 1 && target < seq;
  if (op === 'push' && fields.length === 2) {
    const namePath = bytesOf(fields[0]);
    namePathNodes(namePath);
    return { op, namePath, root: bytesOf(fields[1], 32) };
  }
  if (op === 'delete' && fields.length === 1) {
    const targetSeq = countOf(fields[0]);
    if (isBefore(targetSeq)) return { op, targetSeq };
  }
  if (op === 'certify') return { op, certificate: decodeCertificate(fields) };
  if (op === 'revoke' && fields.length === 1) {
    const targetSeqs = listOf(fields[0], 1, revokedAtOnceMax).map(countOf);
    if (targetSeqs.every((target, at) => isBefore(target) && target > (targetSeqs[at - 1] ?? 0))) {
      return { op, targetSeqs };
    }
  }
  if (op === 'rotate' && fields.length === 3) {
    const [identityPublicKey, vaultPublicKey] = [bytesOf(fields[0], 32), bytesOf(fields[1], 32)];
    return { op, identityPublicKey, vaultPublicKey, consent: bytesOf(fields[2], 64) };
  }
  throw new ProtocolError('malformed', 'log entry has an unknown change or contradicts itself');
}

/** Strict: throws ProtocolError `malformed` for anything but the one encoding of a valid entry. */
export function decodeLogEntry(bytes: Uint8Array): LogEntry {
  let value: unknown;
  try {
    value = decode(bytes, { strict: true, rejectDuplicateMapKeys: true });
  } catch (cause) {
    throw new ProtocolError('malformed', 'log entry is not CBOR', { cause });
  }
  const fields = listOf(value, fieldCount, fieldCount);
  if (fields[0] !== 1) throw new ProtocolError('malformed', 'log entry is of an unknown version');
  const seq = countOf(fields[2]);
  if (seq < 1) throw new ProtocolError('malformed', 'log entry has no place');
  const entry: LogEntry = {
    vaultId: bytesOf(fields[1], 16),
    seq,
    previousHash: bytesOf(fields[3], 32),
    author: bytesOf(fields[4], 32),
    timeMs: countOf(fields[5]),
    bodyHash: bytesOf(fields[6], 32),
    change: decodeChange(fields[7], seq),
  };
  if (!equalBytes(encodeLogEntry(entry), bytes)) throw new ProtocolError('malformed', 'log entry is not canonical');
  return entry;
}

/** What the next entry names as its previous hash. The signature is part of it, so neither can be changed later. */
export function hashLogEntry(entryBytes: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(concatBytes(utf8('jaycloud/1/log-hash'), Uint8Array.of(0), entryBytes, signature));
}

/** 64 bytes of Ed25519 over the label and the entry. */
export function signLogEntry(privateKey: KeyObject, entryBytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return signLabelled(privateKey, entryLabel, entryBytes);
}

/** False for a wrong signature and for a public key that is no point. */
export function isLogEntrySigned(publicKey: Uint8Array, entryBytes: Uint8Array, signature: Uint8Array): boolean {
  return isLabelledSigned(publicKey, entryLabel, entryBytes, signature);
}

/** Where a rotation stands and what it brings: what the new identity agrees to, the whole history before it included. */
export interface Rotation {
  readonly previousHash: Uint8Array;
  readonly vaultId: Uint8Array;
  readonly author: Uint8Array;
  readonly identityPublicKey: Uint8Array;
  readonly vaultPublicKey: Uint8Array;
}

function consentBytes({ previousHash, vaultId, author, identityPublicKey, vaultPublicKey }: Rotation): Uint8Array {
  return concatBytes(vaultId, previousHash, author, identityPublicKey, vaultPublicKey);
}

export function signRotation(newIdentityKey: KeyObject, rotation: Rotation): Uint8Array<ArrayBuffer> {
  return signLabelled(newIdentityKey, consentLabel, consentBytes(rotation));
}

export function isRotationAgreed(rotation: Rotation, consent: Uint8Array): boolean {
  return isLabelledSigned(rotation.identityPublicKey, consentLabel, consentBytes(rotation), consent);
}
