// The published vectors of format v1, computed by test/vectors/generate.py, against this implementation.
import { describe, expect, it } from 'vitest';
import { openAuthorRecord } from '../../src/client/author-record.js';
import { createGearTable, nextCut } from '../../src/client/chunker.js';
import { everyoneSalt, vaultSalt } from '../../src/client/dedup-domain.js';
import { openEnvelope } from '../../src/client/envelope.js';
import { decodeFrame, encodeFrame, type FrameKind } from '../../src/client/frame.js';
import {
  deriveAccountKeys,
  derivePasswordWrapKey,
  deriveRecoveryKeys,
  deriveTokenDomain,
  deriveTokenKeys,
  deriveVaultKeys,
} from '../../src/client/key-hierarchy.js';
import { LogState } from '../../src/client/log-state.js';
import { decodeLeaf } from '../../src/client/manifest-decoder.js';
import { encodeLeaf } from '../../src/client/manifest-encoder.js';
import { NameKey } from '../../src/client/name-key.js';
import { formatRecoveryKey, parseRecoveryKey } from '../../src/client/recovery-key.js';
import { type NodeKind, openLeaf, openNode, sealLeaf, sealNode } from '../../src/client/seal.js';
import { vaultKeyPair } from '../../src/client/sealed-body.js';
import { openSnapshotRecord } from '../../src/client/snapshot-record.js';
import { encodeStrict } from '../../src/client/strict-cbor.js';
import { openTokenBundle } from '../../src/client/token-bundle.js';
import { formatToken, parseToken } from '../../src/client/token-string.js';
import { sha256 } from '../../src/protocol/blob-id.js';
import { paddedLength } from '../../src/protocol/blob-layout.js';
import { fromHex as hex, toHex, utf8 } from '../../src/protocol/bytes.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../../src/protocol/ed25519.js';
import {
  decodeLogEntry,
  encodeLogEntry,
  hashLogEntry,
  isLogEntrySigned,
  signLogEntry,
} from '../../src/protocol/log-entry.js';
import { readVectors, testStream } from '../helpers/vectors.js';

function hexFields(keys: object): Record<string, string> {
  return Object.fromEntries(Object.entries(keys).map(([name, bytes]) => [name, toHex(bytes as Uint8Array)]));
}

interface SealVectors {
  vaultSalt: string;
  leaves: {
    name: string;
    salt: string;
    rawLength: number;
    rawHash: string;
    blobLength: number;
    key: string;
    id: string;
  }[];
  nodes: { kind: number; raw: string; children: string[]; key: string; id: string; blob: string }[];
}

describe('blob vectors', () => {
  const vectors = readVectors('seal.json') as SealVectors;

  it('derive both salts', () => {
    expect(toHex(everyoneSalt)).toBe(vectors.leaves[0]?.salt);
    expect(toHex(vaultSalt(new Uint8Array(32).fill(9)))).toBe(vectors.vaultSalt);
  });

  it.each(vectors.leaves)('seal $name', ({ salt, rawLength, rawHash, blobLength, key, id }) => {
    const candidates = [utf8('hello, jaycloud\n'), testStream(utf8('a'), rawLength), testStream(utf8('b'), rawLength)];
    const raw = candidates.find((bytes) => bytes.length === rawLength && toHex(sha256(bytes)) === rawHash);
    expect(raw).toBeDefined();
    const sealed = sealLeaf(hex(salt), raw ?? new Uint8Array(0));
    expect([toHex(sealed.id), toHex(sealed.key), sealed.blob.length]).toEqual([id, key, blobLength]);
    expect(toHex(openLeaf(sealed, sealed.blob))).toBe(toHex(raw ?? new Uint8Array(0)));
  });

  it.each(vectors.nodes)('seal and open a node of kind $kind', ({ kind, raw, children, key, id, blob }) => {
    const sealed = sealNode(hex(vectors.vaultSalt), kind as NodeKind, hex(raw), children.map(hex));
    expect([toHex(sealed.id), toHex(sealed.key), toHex(sealed.blob)]).toEqual([id, key, blob]);
    const opened = openNode({ id: hex(id), key: hex(key) }, hex(blob));
    expect([opened.kind, toHex(opened.raw), opened.children.map(toHex)]).toEqual([kind, raw, children]);
  });
});

describe('frame and padding vectors', () => {
  it.each(readVectors('frame.json') as { kind: number; raw: string; frame: string }[])(
    'encode $raw as a frame of kind $kind',
    ({ kind, raw, frame }) => {
      expect(toHex(encodeFrame(kind as FrameKind, hex(raw)))).toBe(frame);
      expect(toHex(decodeFrame(hex(frame), kind as FrameKind))).toBe(raw);
    },
  );

  it.each(readVectors('padme.json') as { length: number; padded: number }[])('pad $length to $padded', (vector) => {
    expect(paddedLength(vector.length)).toBe(vector.padded);
  });
});

interface ChunkerVectors {
  seed: string;
  dataLength: number;
  dataHash: string;
  sets: { secret: string | null; tableHash: string; firstWords: number[]; lengths: number[] }[];
  zeros: number[];
}

describe('chunker vectors', () => {
  const vectors = readVectors('chunker.json') as ChunkerVectors;
  const data = testStream(hex(vectors.seed), vectors.dataLength);

  it('have the test data that the lengths belong to', () => {
    expect(toHex(sha256(data))).toBe(vectors.dataHash);
  });

  it.each(vectors.sets)('cut with the table of secret $secret', ({ secret, tableHash, firstWords, lengths }) => {
    const gear = secret === null ? createGearTable() : createGearTable(hex(secret));
    const words = new DataView(new ArrayBuffer(1024));
    gear.forEach((word, i) => {
      words.setUint32(4 * i, word);
    });
    expect([...gear.subarray(0, 4)]).toEqual(firstWords);
    expect(toHex(sha256(new Uint8Array(words.buffer)))).toBe(tableHash);
    const found: number[] = [];
    for (let at = 0; at < data.length; at += found.at(-1) ?? 0) found.push(nextCut(data, at, data.length, gear));
    expect(found).toEqual(lengths);
  });

  it('cut zeros', () => {
    const zeros = new Uint8Array(4 * 1024 * 1024);
    expect([nextCut(zeros, 0, zeros.length, createGearTable())]).toEqual(vectors.zeros);
  });
});

interface KeyVectors {
  accountRoot: string;
  account: Record<string, string>;
  identityPublicKey: string;
  exportKey: string;
  passwordWrapKey: string;
  recoveryKey: string;
  recovery: Record<string, string>;
  vaultSecret: string;
  vault: Record<string, string>;
  vaultPrivateKey: string;
  vaultPublicKey: string;
  tokenSecret: string;
  token: Record<string, string>;
  tokenId: string;
  tokenDomain: Record<string, string>;
}

describe('key vectors', () => {
  const vectors = readVectors('keys.json') as KeyVectors;

  it('derive the keys of an account', () => {
    const keys = deriveAccountKeys(hex(vectors.accountRoot));
    expect(hexFields(keys)).toEqual(vectors.account);
    expect(toHex(ed25519PublicKeyOf(ed25519PrivateKey(keys.identitySeed)))).toBe(vectors.identityPublicKey);
    expect(toHex(derivePasswordWrapKey(hex(vectors.exportKey)))).toBe(vectors.passwordWrapKey);
    expect(hexFields(deriveRecoveryKeys(hex(vectors.recoveryKey)))).toEqual(vectors.recovery);
  });

  it('derive the keys of a vault', async () => {
    const keys = deriveVaultKeys(hex(vectors.vaultSecret));
    expect(hexFields(keys)).toEqual(vectors.vault);
    const pair = await vaultKeyPair(keys.hpkeSeed);
    expect([toHex(pair.privateKey), toHex(pair.publicKey)]).toEqual([vectors.vaultPrivateKey, vectors.vaultPublicKey]);
  });

  it('derive the keys of a token and its dedup domain', () => {
    expect(hexFields(deriveTokenKeys(hex(vectors.tokenSecret)))).toEqual(vectors.token);
    const domain = deriveTokenDomain(hex(vectors.vaultSecret), hex(vectors.tokenId));
    expect(hexFields(domain)).toEqual(vectors.tokenDomain);
  });

  it('give every purpose a key of its own', () => {
    const secret = new Uint8Array(32).fill(1);
    const all = [
      deriveAccountKeys(secret),
      deriveRecoveryKeys(secret),
      deriveVaultKeys(secret),
      deriveTokenKeys(secret),
      deriveTokenDomain(secret, secret.subarray(16)),
    ].flatMap((keys) => Object.values(hexFields(keys)));
    all.push(toHex(derivePasswordWrapKey(secret)));
    expect(new Set(all).size).toBe(16);
  });

  it.each(readVectors('recovery-key.json') as { key: string; text: string }[])(
    'write a key as $text',
    ({ key, text }) => {
      expect(formatRecoveryKey(hex(key))).toBe(text);
      expect(toHex(parseRecoveryKey(text))).toBe(key);
    },
  );
});

interface EnvelopeVector {
  kek: string;
  purpose: string;
  aad: string;
  plaintext: string;
  envelope: string;
}

describe('envelope and record vectors', () => {
  it.each(readVectors('envelope.json') as EnvelopeVector[])('open an envelope of purpose $purpose', (vector) => {
    const opened = openEnvelope(hex(vector.kek), vector.purpose, hex(vector.aad), hex(vector.envelope));
    expect(toHex(opened)).toBe(vector.plaintext);
  });

  it('open a snapshot record', async () => {
    const vector = readVectors('snapshot-record.json') as Record<
      'hpkeSeed' | 'vaultId' | 'nameTag' | 'raw' | 'body',
      string
    >;
    const context = { vaultId: hex(vector.vaultId), nameTag: hex(vector.nameTag), hpkeSeed: hex(vector.hpkeSeed) };
    const record = await openSnapshotRecord(context, hex(vector.body));
    expect(record).toEqual({
      root: { id: sha256(utf8('root')), key: new Uint8Array(32).fill(0x50) },
      name: 'laptop/home',
      timeMs: 1_700_000_000_000,
      host: 'laptop',
      tags: ['weekly'],
      counts: { files: 3, directories: 2, symlinks: 1, bytes: 70_010 },
      sources: [utf8('/home/ann')],
      partial: false,
    });
  });
});

describe('manifest and log vectors', () => {
  it('read a leaf and write the same bytes', () => {
    const vector = readVectors('manifest.json') as {
      salt: string;
      raw: string;
      children: string[];
      id: string;
      key: string;
      blob: string;
    };
    const entries = decodeLeaf(openNode({ id: hex(vector.id), key: hex(vector.key) }, hex(vector.blob)));
    expect(entries.map((entry) => [Buffer.from(entry.path).toString(), entry.type, entry.user])).toEqual([
      ['', 'directory', 'ann'],
      ['a-link', 'symlink', 'ann'],
      ['docs', 'directory', 'root'],
      ['docs/one', 'file', 'ann'],
      ['docs/two', 'file', 'ann'],
    ]);
    expect(entries[1]).toMatchObject({
      mtimeSeconds: -1,
      mtimeNanoseconds: 999_999_999,
      linkTarget: utf8('../elsewhere'),
    });
    expect(entries[3]).toMatchObject({ mode: 0o4644, size: 70_010, sparse: true });
    expect(entries[3]?.chunks.map((chunk) => chunk.rawLength)).toEqual([5, 70_000, 5]);
    expect(entries[4]?.hardlinkTo).toEqual(utf8('docs/one'));
    const again = encodeLeaf(entries);
    expect([toHex(again.raw), again.children.map(toHex)]).toEqual([vector.raw, vector.children]);
  });

  it('read, sign, hash and follow log entries', () => {
    const vector = readVectors('log-entry.json') as {
      identityPublicKey: string;
      heirPublicKey: string;
      entries: { entry: string; signature: string; hash: string; signerSeed: string }[];
    };
    const state = new LogState();
    const authors: (string | undefined)[] = [];
    for (const { entry, signature, hash, signerSeed } of vector.entries) {
      const decoded = decodeLogEntry(hex(entry));
      expect(toHex(encodeLogEntry(decoded))).toBe(entry);
      expect(toHex(signLogEntry(ed25519PrivateKey(hex(signerSeed)), hex(entry)))).toBe(signature);
      expect(isLogEntrySigned(decoded.author, hex(entry), hex(signature))).toBe(true);
      expect(toHex(hashLogEntry(hex(entry), hex(signature)))).toBe(hash);
      authors.push(state.apply(decoded, 1_700_000_000_000)?.certificate.kind);
    }
    expect(vector.entries.map(({ entry }) => decodeLogEntry(hex(entry)).change.op)).toEqual([
      ...['certify', 'certify', 'push', 'push', 'delete', 'revoke', 'rotate'],
    ]);
    expect(authors).toEqual([undefined, undefined, 'session', 'token', 'session', undefined, undefined]);
    expect([3, 4].map((seq) => state.isLive(seq))).toEqual([false, true]);
    expect(toHex(state.identity ?? new Uint8Array())).toBe(vector.heirPublicKey);
    expect([state.epoch, state.authors()]).toEqual([1, []]);
  });

  it('make the paths, tags and keys of names', () => {
    const vector = readVectors('names.json') as {
      nameKey: string;
      names: { name: string; path: string; key: string; tag: string }[];
    };
    const names = NameKey.ofVault(hex(vector.nameKey));
    for (const { name, path, key, tag } of vector.names) {
      expect([toHex(names.pathOf(name)), toHex(names.tagOf(name))]).toEqual([path, tag]);
      if (/[-/._]$/.test(name)) expect(toHex(names.partsFor(name).key)).toBe(key);
    }
  });

  it('write and read tokens and their bundles', () => {
    const vector = readVectors('token.json') as {
      strings: { id: string; secret: string; server: string; text: string }[];
      vaultId: string;
      bundle: string;
      identityPublicKey: string;
    };
    for (const { id, secret, server, text } of vector.strings) {
      expect(formatToken({ id: hex(id), secret: hex(secret), server })).toBe(text);
      expect(parseToken(text)).toEqual({ id: hex(id), secret: hex(secret), server });
    }
    const keys = readVectors('keys.json') as KeyVectors;
    const context = { tokenId: hex(keys.tokenId), vaultId: hex(vector.vaultId) };
    const bundle = openTokenBundle(hex(keys.token['bundleKey'] ?? ''), context, hex(vector.bundle));
    const parts = NameKey.ofVault(hex(keys.vault['nameKey'] ?? '')).partsFor('ci');
    expect(toHex(bundle.identityPublicKey)).toBe(vector.identityPublicKey);
    expect([bundle.names, bundle.hpkeSeeds]).toEqual([parts, []]);
    expect(hexFields(bundle.domain ?? {})).toEqual(keys.tokenDomain);
  });

  it('open what is sealed about an author', async () => {
    const vector = readVectors('author-record.json') as Record<'hpkeSeed' | 'vaultId' | 'entityId' | 'body', string>;
    const context = { vaultId: hex(vector.vaultId), entityId: hex(vector.entityId) };
    expect(await openAuthorRecord(hex(vector.hpkeSeed), context, hex(vector.body))).toEqual({
      label: 'nightly',
      prefix: 'ci/',
    });
  });

  it('encode numbers in their shortest form', () => {
    const values = [0, 23, 24, 255, 256, 65_535, 65_536, 0xffffffff, 2 ** 32, -1, -24, -25, -256, -257];
    const lengths = values.map((value) => encodeStrict(value).length);
    expect(lengths).toEqual([1, 1, 2, 2, 3, 3, 5, 5, 9, 1, 1, 2, 2, 3]);
  });
});
