// An upload in few pieces: the same bytes, whatever lies where.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { uploadBody } from '../../src/client/upload-body.js';
import { concatBytes } from '../../src/protocol/bytes.js';

describe('the body of an upload', () => {
  test('has the bytes of its records in order, wherever they lie', () => {
    const slabs = [new SharedArrayBuffer(400), new ArrayBuffer(400)].map((memory) => new Uint8Array(memory));
    for (const slab of slabs) for (let at = 0; at < slab.length; at += 1) slab[at] = Math.floor(Math.random() * 256);
    const view = fc.record({ slab: fc.nat(1), from: fc.nat(300), length: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(view, { maxLength: 12 }), (views) => {
        const records = views.map(({ slab, from, length }) =>
          (slabs[slab] ?? new Uint8Array()).subarray(from, from + length),
        );
        expect(concatBytes(...uploadBody(records))).toEqual(concatBytes(...records));
      }),
    );
  });

  test('is one view of its slab where records are neighbours, however many', () => {
    const slab = new Uint8Array(new SharedArrayBuffer(3_000_000));
    const records = Array.from({ length: 3000 }, (_, at) => slab.subarray(at * 1000, (at + 1) * 1000));
    const [body, ...more] = uploadBody(records);
    expect(more).toEqual([]);
    expect([body?.buffer, body?.length]).toEqual([slab.buffer, 3_000_000]);
  });

  test('copies small records together and large ones not at all', () => {
    const small = Array.from({ length: 100 }, () => new Uint8Array(1100));
    const large = new Uint8Array(1_000_000);
    const pieces = uploadBody([...small, large]);
    expect(pieces.map(({ length }) => length)).toEqual([110_000, 1_000_000]);
    expect(pieces[1]?.buffer).toBe(large.buffer);
  });
});
