// Stats of files that are nowhere.
import fc from 'fast-check';
import type { SourceStat } from '../../src/client/push/source-stat.js';

const word = fc.nat(0xffffffff);
const id = fc.bigInt(0n, 2n ** 64n - 1n);

export const anyStat: fc.Arbitrary<SourceStat> = fc.record({
  sizeBytes: fc.maxSafeNat(),
  modifiedSeconds: fc.maxSafeInteger(),
  modifiedNanoseconds: fc.nat(999_999_999),
  changedSeconds: fc.maxSafeInteger(),
  changedNanoseconds: fc.nat(999_999_999),
  inode: id,
  device: id,
  mode: word,
  uid: word,
  gid: word,
  links: word,
  sparse: fc.boolean(),
});

/** Of a file with one name, but for what `more` says. */
export function statOf(more: Partial<SourceStat> = {}): SourceStat {
  return {
    sizeBytes: 0,
    modifiedSeconds: 0,
    modifiedNanoseconds: 1,
    changedSeconds: 0,
    changedNanoseconds: 2,
    inode: 1n,
    device: 3n,
    mode: 0o100644,
    uid: 1000,
    gid: 1000,
    links: 1,
    sparse: false,
    ...more,
  };
}
