import { expect, test } from 'vitest';
import { formatCount } from '../../src/cli/text.js';

test('counts have a comma at every thousand', () => {
  expect(formatCount(1, 'file')).toBe('1 file');
  expect(formatCount(0, 'file')).toBe('0 files');
  for (const count of [2, 12, 999, 1000, 12_345, 999_999, 1_000_000, 1_234_567_890]) {
    expect(formatCount(count, 'entry', 'entries')).toBe(`${count.toLocaleString('en-US')} entries`);
  }
});
