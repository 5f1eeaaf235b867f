// Sizes and durations as people write them.
import { expect, test } from 'vitest';
import { parseByteSize, parseDuration } from '../../src/protocol/quantities.js';

test.each([
  ['0', 0],
  ['1', 1],
  ['1500', 1500],
  ['1K', 1024],
  ['500M', 500 * 1024 ** 2],
  ['10G', 10 * 1024 ** 3],
  ['10GB', 10 * 1024 ** 3],
  ['10GiB', 10 * 1024 ** 3],
  ['2T', 2 * 1024 ** 4],
  ['7B', 7],
  ['007', 7],
  ['8191T', 8191 * 1024 ** 4],
])('the size %s is %i bytes', (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});

test.each([
  '',
  ' ',
  'M',
  '-1',
  '+1',
  '1.5G',
  '1e3',
  '0x10',
  '1 G',
  ' 1',
  '1 ',
  '1k',
  '1g',
  '1P',
  '1GG',
  '1ib',
  '1Gib',
  'G1',
  '１',
  '8192T',
  '9999999999999999',
  '1\n',
  '1_000',
])('%j is no size', (text) => {
  expect(parseByteSize(text)).toBeUndefined();
});

test.each([
  ['1s', 1000],
  ['45s', 45_000],
  ['30m', 1_800_000],
  ['12h', 43_200_000],
  ['90d', 7_776_000_000],
  ['2w', 1_209_600_000],
  ['1y', 31_557_600_000],
])('the duration %s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  '',
  '0',
  '0s',
  '5',
  's',
  '-1d',
  '+1d',
  '1.5h',
  '01h',
  '1 h',
  ' 1h',
  '1h ',
  '1H',
  '1h30m',
  '1M',
  '1ms',
  '1e3s',
  'never',
  '1234567890s',
  '999999999y',
  '1d\n',
])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
