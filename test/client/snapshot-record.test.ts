// Snapshot records (docs/format.md, "Snapshot records").
import { describe, expect, it } from 'vitest';
import { ClientError } from '../../src/client/errors.js';
import { vaultKeyPair } from '../../src/client/sealed-body.js';
import { openSnapshotRecord, type SnapshotRecord, sealSnapshotRecord } from '../../src/client/snapshot-record.js';
import { concatBytes, equalBytes, utf8 } from '../../src/protocol/bytes.js';
import { logBodyBytesMax } from '../../src/protocol/limits.js';
import { flipped } from '../helpers/integrity.js';

const hpkeSeed = new Uint8Array(32).fill(5);
const context = { vaultId: new Uint8Array(16).fill(7), nameTag: new Uint8Array(32).fill(8) };
const record: SnapshotRecord = {
  root: { id: new Uint8Array(32).fill(1), key: new Uint8Array(32).fill(2) },
  name: 'laptop/home',
  timeMs: 1_700_000_000_000,
  host: 'laptop',
  tags: ['weekly', 'ü'],
  counts: { files: 1, directories: 2, symlinks: 3, bytes: 2 ** 50 },
  sources: [utf8('/home/ann'), Uint8Array.of(0x2f, 0xff)],
  partial: true,
};

async function seal(one: SnapshotRecord): Promise<Uint8Array> {
  const { publicKey } = await vaultKeyPair(hpkeSeed);
  return sealSnapshotRecord({ ...context, vaultPublicKey: publicKey, record: one });
}

/** Compressed to nothing, text would not meet the limit of a body. */
function noise(lengthBytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, i) => (Math.imul(i + seed * 7919 + 1, 0x9e3779b1) >>> 24) | 1);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return error instanceof ClientError ? error.code : `not a ClientError: ${String(error)}`;
}

describe('a snapshot record', () => {
  it('is opened with the seed of the vault, and never sealed the same way twice', async () => {
    const body = await seal(record);
    expect(await openSnapshotRecord({ ...context, hpkeSeed }, body)).toEqual(record);
    expect(equalBytes(await seal(record), body)).toBe(false);
  });

  it('shows nothing of its texts by its length', async () => {
    const short = await seal({ ...record, name: 'a', host: '', tags: [], sources: [] });
    expect((await seal(record)).length).toBe(short.length);
  });

  it('does not open for another vault, another name or another key', async () => {
    const body = await seal(record);
    const wrong = [
      { ...context, hpkeSeed: flipped(hpkeSeed, 0) },
      { ...context, hpkeSeed, vaultId: flipped(context.vaultId, 0) },
      { ...context, hpkeSeed, nameTag: flipped(context.nameTag, 0) },
    ];
    for (const options of wrong) expect(await codeOf(openSnapshotRecord(options, body))).toBe('integrity');
  });

  it('does not open when damaged anywhere, cut or extended', async () => {
    const body = await seal(record);
    const options = { ...context, hpkeSeed };
    for (const at of [0, 3, 4, 35, 36, 83, 84, 100, 140, body.length - 1]) {
      expect(await codeOf(openSnapshotRecord(options, flipped(body, at)))).toBe('integrity');
    }
    const tooLong = new Uint8Array(logBodyBytesMax + 1);
    for (const bad of [
      body.subarray(0, -1),
      body.subarray(0, 50),
      new Uint8Array(0),
      concatBytes(body, body),
      tooLong,
    ]) {
      expect(await codeOf(openSnapshotRecord(options, bad))).toBe('integrity');
    }
  });

  it('keeps within the body of a log entry', async () => {
    const sources = (count: number) => Array.from({ length: count }, (_, i) => noise(4000, i));
    const body = await seal({ ...record, sources: sources(15) });
    expect(body.length).toBeLessThanOrEqual(logBodyBytesMax);
    expect((await openSnapshotRecord({ ...context, hpkeSeed }, body)).sources).toHaveLength(15);
    const random = Array.from({ length: 20 }, () => crypto.getRandomValues(new Uint8Array(4000)));
    expect(await codeOf(seal({ ...record, sources: random }))).toBe('failed');
  });

  it.each<[string, Partial<SnapshotRecord>]>([
    ['no name', { name: '' }],
    ['a name of 256 bytes', { name: 'n'.repeat(256) }],
    ['a host of 256 bytes', { host: 'ü'.repeat(128) }],
    ['65 tags', { tags: Array.from({ length: 65 }, String) }],
    ['a tag with NUL', { tags: ['\0'] }],
    ['1,025 sources', { sources: Array.from({ length: 1025 }, () => utf8('/')) }],
    ['a source of 4,096 bytes', { sources: [new Uint8Array(4096)] }],
  ])('is not made with %s', async (_, change) => {
    expect(await codeOf(seal({ ...record, ...change }))).toBe('failed');
  });
});
