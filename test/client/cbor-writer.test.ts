// Values written one by one are what a library of CBOR writes as a whole.
import { encode } from 'cborg';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CborWriter } from '../../src/client/cbor-writer.js';

type Value = number | boolean | null | string | Uint8Array | readonly Value[];

function write(writer: CborWriter, value: Value): void {
  if (typeof value === 'number') writer.integer(value);
  else if (typeof value === 'boolean') writer.boolean(value);
  else if (typeof value === 'string') writer.text(value);
  else if (value === null) writer.null();
  else if (value instanceof Uint8Array) writer.bytes(value);
  else {
    writer.list(value.length);
    for (const item of value) write(writer, item);
  }
}

function written(value: Value): Uint8Array {
  const writer = new CborWriter();
  write(writer, value);
  return writer.take();
}

const integers = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];

test('numbers around every length, of both signs', () => {
  for (const value of [...integers, ...integers.map((number) => -number), ...integers.map((number) => -number - 1)]) {
    if (!Number.isSafeInteger(value)) continue;
    expect(written(value === 0 ? 0 : value)).toEqual(encode(value === 0 ? 0 : value));
  }
});

test('no fractions, and nothing beyond what a number holds', () => {
  for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    expect(() => written(value)).toThrow('an integer is written');
  }
});

test('texts, bytes and lists of any length', () => {
  for (const length of [0, 1, 23, 24, 255, 256, 65_535, 65_536, 200_000]) {
    for (const value of [new Uint8Array(length), 'é'.repeat(length), Array<Value>(length).fill(null)]) {
      expect(Buffer.compare(written(value), encode(value))).toBe(0);
    }
  }
});

test('whatever is nested', () => {
  const { value } = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.string(),
      fc.uint8Array(),
      fc.array(tie('value')),
    ),
  }));
  fc.assert(
    fc.property(value, (any) => {
      expect(Buffer.compare(written(any), encode(any))).toBe(0);
    }),
  );
});

test('a writer begins anew after what was taken, and what was taken stays as it is', () => {
  const writer = new CborWriter();
  writer.text('first');
  const first = writer.take();
  writer.text('second, and longer');
  expect(writer.take()).toEqual(encode('second, and longer'));
  expect(first).toEqual(encode('first'));
});
