// A pull in this process. Only folders: files would be written by threads, which need the built program.
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type PullProblem, pull } from '../../../src/client/pull/pull.js';
import type { Snapshot } from '../../../src/client/snapshots.js';
import type { Vault } from '../../../src/client/vault.js';
import { toHex } from '../../../src/protocol/bytes.js';
import { directory, write } from '../../helpers/manifests.js';

let destination: string;

beforeEach(() => {
  destination = mkdtempSync(join(tmpdir(), 'jaycloud-test-'));
});

afterEach(() => {
  rmSync(destination, { recursive: true });
});

test('problems that are not told yet hold up the pull', async () => {
  const names = Array.from({ length: 20 }, (_, at) => `folder-${String(at).padStart(2, '0')}`);
  for (const name of names) writeFileSync(join(destination, name), 'in the way');
  const { root, blobs } = write(names.map(directory));
  const api = { roundTripMs: 0, fetchBlobs: (ids: Uint8Array[]) => ids.map((id) => blobs.get(toHex(id))) };
  const record = { root, counts: { files: 0, bytes: 0 } };
  const problems: PullProblem[] = [];
  const telling = new EventEmitter();
  let isBehind = true;
  const pulled = pull(
    { api } as unknown as Vault,
    {
      snapshot: { record } as Snapshot,
      path: new Uint8Array(0),
      destination,
      overwrite: 'never',
      keepOwner: false,
      keepSetuid: false,
      onProblem: (problem) => problems.push(problem),
      whenTold: () => (isBehind && problems.length >= 3 ? once(telling, 'told') : undefined),
    },
    { files: 0, bytes: 0 },
  );
  await vi.waitFor(() => {
    expect(problems).toHaveLength(3);
  });
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  expect(problems).toHaveLength(3);
  isBehind = false;
  telling.emit('told');
  expect((await pulled).problems).toBe(20);
});
