import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { writeItems } from '../../src/cli/commands/ls-entries.js';
import { Output } from '../../src/cli/output.js';
import { integrityError } from '../../src/client/errors.js';
import type { ManifestItem } from '../../src/client/manifest-reader.js';
import { utf8 } from '../../src/protocol/bytes.js';
import { file } from '../helpers/manifests.js';

const itemCount = 20_000;
/** What a listing may make before the reader has taken anything: what is gathered and what the stream is full with. */
const aheadMax = 2000;

/** A reader that takes nothing before `open`. */
function slowReader() {
  const pieces: string[] = [];
  let take: (() => void) | undefined;
  let isOpen = false;
  const stream = new Writable({
    decodeStrings: false,
    write(piece: string, _encoding, done) {
      pieces.push(piece);
      if (isOpen) done();
      else take = done;
    },
  });
  const open = () => {
    isOpen = true;
    take?.();
  };
  return { stream, open, lines: () => pieces.join('').trimEnd().split('\n') };
}

function countedItems() {
  const made = { count: 0 };
  async function* items(): AsyncGenerator<ManifestItem> {
    for (; made.count < itemCount; made.count += 1) {
      const path = `file-${String(made.count).padStart(6, '0')}`;
      await Promise.resolve();
      if (made.count === itemCount / 2) {
        yield { gap: { firstPath: utf8(path), entries: 7, cause: integrityError('damaged') } };
      } else yield { entry: file(path, []) };
    }
  }
  return { made, items: items() };
}

test.each([{ json: false }, { json: true }])('a listing waits for its reader: %o', async ({ json }) => {
  const [stdout, stderr] = [slowReader(), slowReader()];
  stderr.open();
  const output = new Output({ json, quiet: false }, stdout.stream, stderr.stream);
  const { made, items } = countedItems();
  const written = writeItems(items, { output, signal: new AbortController().signal });
  await vi.waitFor(() => {
    expect(stdout.stream.writableNeedDrain).toBe(true);
  });
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  expect(made.count).toBeLessThan(aheadMax);
  stdout.open();
  expect(await written).toEqual({ entries: itemCount - 1, lost: 7 });
  output.summary('', {});
  await nextTurn();
  const lines = stdout.lines();
  expect(lines).toHaveLength(json ? itemCount + 1 : itemCount - 1);
  const names = lines.flatMap((line) => /file-\d{6}/.exec(line) ?? []);
  expect(names).toEqual(names.toSorted());
  expect(stderr.lines()).toHaveLength(1);
});

test('a listing whose reader is gone ends', async () => {
  const { stream } = slowReader();
  const output = new Output({ json: false, quiet: false }, stream, stream);
  const { made, items } = countedItems();
  const gone = new AbortController();
  const written = writeItems(items, { output, signal: gone.signal });
  await vi.waitFor(() => {
    expect(stream.writableNeedDrain).toBe(true);
  });
  gone.abort();
  await expect(written).rejects.toThrow('aborted');
  expect(made.count).toBeLessThan(aheadMax);
});
