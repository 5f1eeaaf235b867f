// The framing of many blobs in one body (docs/protocol.md, "Blob streams").
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BlobStreamParser,
  blobStreamHeaderBytes,
  encodeBlobRecord,
  leafRecordBytesMax,
  splitBlobRecords,
} from '../../src/protocol/blob-stream.js';
import { concatBytes } from '../../src/protocol/bytes.js';
import { rawBytesMax } from '../../src/protocol/limits.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

const anyBlob = fc.record({
  id: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  blob: fc.uint8Array({ maxLength: 50 }),
});

describe('records', () => {
  test('laid end to end come apart again, whole or in any pieces', () => {
    fc.assert(
      fc.property(fc.array(anyBlob, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 60 })), (blobs, cuts) => {
        const records = blobs.map(encodeBlobRecord);
        const run = concatBytes(...records);
        expect(splitBlobRecords(run).map((record) => record.slice())).toEqual(records);
        const parser = new BlobStreamParser();
        const parsed = [];
        let at = 0;
        for (const cut of cuts) {
          parsed.push(...parser.push(run.subarray(at, at + cut)));
          at += cut;
        }
        parsed.push(...parser.push(run.subarray(at)));
        parser.end();
        expect(parsed.map(encodeBlobRecord)).toEqual(records);
      }),
    );
  });

  test('that are cut short anywhere are refused', () => {
    const run = concatBytes(
      encodeBlobRecord({ id: new Uint8Array(32), blob: new Uint8Array(5) }),
      encodeBlobRecord({ id: new Uint8Array(32), blob: new Uint8Array(0) }),
    );
    for (let end = 0; end <= run.length; end += 1) {
      const isWhole = end === 0 || end === blobStreamHeaderBytes + 5 || end === run.length;
      const split = () => splitBlobRecords(run.subarray(0, end));
      if (isWhole) expect(split).not.toThrow();
      else expect(protocolCodeOf(split)).toBe('malformed');
    }
  });

  test('of data chunks have a longest length, from the shortest frame to the longest', () => {
    // Header 36, blob header 4, frame, tag 16.
    expect(leafRecordBytesMax(0)).toBe(36 + 4 + 1024 + 16);
    expect(leafRecordBytesMax(1012)).toBe(36 + 4 + 1024 + 16);
    expect(leafRecordBytesMax(1013)).toBe(36 + 4 + 1088 + 16);
    expect(leafRecordBytesMax(rawBytesMax)).toBe(36 + 4 + 4_194_304 + 16);
  });
});
