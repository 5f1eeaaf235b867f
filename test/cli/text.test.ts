import { expect, test } from 'vitest';
import { formatCount, jsonPath, printablePath } from '../../src/cli/text.js';
import { utf8 } from '../../src/protocol/bytes.js';

test('counts have a comma at every thousand', () => {
  expect(formatCount(1, 'file')).toBe('1 file');
  expect(formatCount(0, 'file')).toBe('0 files');
  for (const count of [2, 12, 999, 1000, 12_345, 999_999, 1_000_000, 1_234_567_890]) {
    expect(formatCount(count, 'entry', 'entries')).toBe(`${count.toLocaleString('en-US')} entries`);
  }
});

test('paths are shown as they are, save what could play tricks', () => {
  expect(printablePath(utf8('a folder/~file'))).toBe('a folder/~file');
  expect(printablePath(utf8('grün/猫'))).toBe('grün/猫');
  expect(printablePath(utf8('a\u001b[2J\u202e\n'))).toBe('a\\x1b[2J\\xe2\\x80\\xae\\x0a');
  expect(printablePath(Uint8Array.of(0x61, 0xff, 0x7f))).toBe('a\\xff\\x7f');
  expect(jsonPath(utf8('a folder/~file'))).toEqual({ path: 'a folder/~file' });
  expect(jsonPath(utf8('grün\n'))).toEqual({ path: 'grün\n' });
  expect(jsonPath(Uint8Array.of(0x61, 0xff))).toEqual({ path: 'a\ufffd', pathBase64: 'Yf8=' });
});
