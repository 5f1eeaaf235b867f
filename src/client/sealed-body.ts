// Sealed bodies of log entries (docs/format.md, "Sealed bodies"): under a random key that is sealed to the vault's public
// key. Whoever writes needs no secret of the vault for it, and cannot open what it has written.
import { randomBytes, type webcrypto } from 'node:crypto';
import { gcmTagBytes } from '../protocol/blob-layout.js';
import { concatBytes, equalBytes } from '../protocol/bytes.js';
import { logBodyBytesMax, rawBytesMax } from '../protocol/limits.js';
import { envelopeOverheadBytes, openEnvelope, sealEnvelope } from './envelope.js';
import { ClientError, integrityError } from './errors.js';
import { decodeFrame, encodeFrame, type frameKinds } from './frame.js';
import { labelled } from './hkdf.js';

/** "JCS1". */
const magic = Uint8Array.of(0x4a, 0x43, 0x53, 0x31);
const bodyKeyBytes = 32;
const encapsulationBytes = 32;
const sealedKeyBytes = bodyKeyBytes + gcmTagBytes;
const clearBytes = magic.length + encapsulationBytes + sealedKeyBytes;

/** What a body is and what it belongs to: no body can stand in for another. */
export interface BodyContext {
  readonly purpose: 'snapshot' | 'author';
  readonly frameKind: (typeof frameKinds)['snapshotRecord' | 'authorRecord'];
  readonly context: Uint8Array;
}

export interface VaultKeyPair {
  /** X25519, 32 bytes each. */
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** Loads what sealing and opening need; whoever calls it early has less to wait for later. */
export async function loadSuite() {
  return (await import('./hpke-suite.js')).suite;
}

/** Deriving takes as long as opening, and a log is opened with one seed. */
const derived = new WeakMap<Uint8Array, Promise<webcrypto.CryptoKeyPair>>();

/** The package's types name browser types that Node declares elsewhere. */
async function deriveKeyPair(hpkeSeed: Uint8Array): Promise<webcrypto.CryptoKeyPair> {
  const known = derived.get(hpkeSeed);
  if (known !== undefined) return known;
  const { kem } = await loadSuite();
  const pair = kem.deriveKeyPair(new Uint8Array(hpkeSeed).buffer) as Promise<webcrypto.CryptoKeyPair>;
  derived.set(hpkeSeed, pair);
  return pair;
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

function hpkeInfo({ purpose, context }: BodyContext): ArrayBuffer {
  return labelled(`jaycloud/1/${purpose}-key`, context).buffer;
}

/** Throws ClientError `failed` where `raw` is too long for the body of one entry. */
export async function sealBody(
  vaultPublicKey: Uint8Array,
  body: BodyContext,
  raw: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  if (raw.length > rawBytesMax) throw tooLong();
  const frame = encodeFrame(body.frameKind, raw);
  if (clearBytes + envelopeOverheadBytes + frame.length > logBodyBytesMax) throw tooLong();
  const suite = await loadSuite();
  const recipientPublicKey = (await suite.kem.deserializePublicKey(
    new Uint8Array(vaultPublicKey).buffer,
  )) as webcrypto.CryptoKey;
  const bodyKey = new Uint8Array(randomBytes(bodyKeyBytes));
  const sealedKey = await suite.seal({ recipientPublicKey, info: hpkeInfo(body) }, bodyKey.buffer);
  const envelope = sealEnvelope(bodyKey, body.purpose, body.context, frame);
  return concatBytes(magic, new Uint8Array(sealedKey.enc), new Uint8Array(sealedKey.ct), envelope);
}

/** Throws integrityError where the body was not sealed to this vault, for this purpose and context, or is damaged. */
export async function openBody(hpkeSeed: Uint8Array, body: BodyContext, sealed: Uint8Array): Promise<Uint8Array> {
  if (sealed.length < clearBytes || sealed.length > logBodyBytesMax) {
    throw integrityError(`a sealed ${body.purpose} has a bad length`);
  }
  if (!equalBytes(sealed.subarray(0, magic.length), magic)) {
    throw integrityError(`a sealed ${body.purpose} of an unknown version`);
  }
  const keyAt = magic.length + encapsulationBytes;
  const enc = sealed.slice(magic.length, keyAt).buffer;
  const sealedKey = sealed.slice(keyAt, clearBytes).buffer;
  try {
    const { privateKey } = await deriveKeyPair(hpkeSeed);
    const suite = await loadSuite();
    const bodyKey = await suite.open({ recipientKey: privateKey, enc, info: hpkeInfo(body) }, sealedKey);
    const opened = openEnvelope(new Uint8Array(bodyKey), body.purpose, body.context, sealed.subarray(clearBytes));
    return decodeFrame(opened, body.frameKind);
  } catch (cause) {
    if (cause instanceof ClientError && cause.code === 'integrity') throw cause;
    throw integrityError(`a ${body.purpose} record does not open with the keys of this vault`, cause);
  }
}

function tooLong(): ClientError {
  return new ClientError(
    'failed',
    'the description of the snapshot is too long',
    'Push fewer paths or use fewer tags.',
  );
}
