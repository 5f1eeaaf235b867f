// Jobs for restoring threads in columns: what comes out is what went in.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeChunks,
  decodeWholeFiles,
  encodeChunks,
  encodeWholeFiles,
  type WholeFile,
} from '../../../src/client/pull/restore-messages.js';
import { bytesKey } from '../../../src/protocol/bytes.js';

const u32 = fc.nat(0xffffffff);
const chunk = fc.record({
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  rawLength: fc.nat(4_194_292),
  place: fc.option(fc.record({ offset: fc.nat(100_000_000), lengthBytes: fc.nat(5_000_000) }), { nil: undefined }),
});
const path = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .filter((bytes) => !bytes.includes(0))
  .map(bytesKey);
const wholeFile: fc.Arbitrary<WholeFile> = fc.record({
  target: fc.record({ folder: fc.integer({ min: -1, max: 2000 }), path }),
  sizeBytes: fc.maxSafeNat(),
  sparse: fc.boolean(),
  metadata: fc.record({
    mode: fc.nat(0o7777),
    owner: fc.option(fc.record({ uid: u32, gid: u32 }), { nil: undefined }),
    mtimeSeconds: fc.maxSafeInteger(),
    mtimeNanoseconds: fc.nat(999_999_999),
  }),
  chunks: fc.array(chunk, { maxLength: 3 }),
});

describe('restore jobs', () => {
  test('keep every file and chunk', () => {
    fc.assert(
      fc.property(fc.array(wholeFile, { minLength: 1, maxLength: 6 }), (files) => {
        expect(decodeWholeFiles(encodeWholeFiles(files))).toEqual(files);
      }),
    );
  });

  test('keep the chunks of a part', () => {
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), (chunks) => {
        expect(decodeChunks(encodeChunks(chunks))).toEqual(chunks);
      }),
    );
  });
});
