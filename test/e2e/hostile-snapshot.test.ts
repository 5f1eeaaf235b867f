// A snapshot by an author who holds the keys and means harm: its files name blobs that cannot be what it says.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSettings } from '../../src/client/config.js';
import { everyoneSalt, vaultSalt } from '../../src/client/dedup-domain.js';
import { frameKinds } from '../../src/client/frame.js';
import { ManifestWriter } from '../../src/client/manifest-writer.js';
import { type SealedBlob, sealLeaf, sealNode } from '../../src/client/seal.js';
import { appendSnapshot } from '../../src/client/snapshots.js';
import { openVault } from '../../src/client/vault.js';
import { VaultLog } from '../../src/client/vault-log.js';
import { encodeBlobRecord } from '../../src/protocol/blob-stream.js';
import { fromBase64, utf8 } from '../../src/protocol/bytes.js';
import { rawBytesMax } from '../../src/protocol/limits.js';
import { apiOf, credentialOf, freeGrant } from '../helpers/daemon-api.js';
import { directory, file } from '../helpers/manifests.js';
import { Daemon, jsonLines, type Machine, machineOf, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;

beforeAll(async () => {
  daemon = await Daemon.start();
  machine = await machineOf(daemon, 'author', 'register');
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

test('large nodes in the place of one-byte chunks cost their own file alone', { timeout: 60_000 }, async () => {
  const api = await apiOf(machine);
  const stored = credentialOf(machine);
  const vaultSecret = fromBase64(stored.vaultSecret);
  const good = sealLeaf(everyoneSalt, utf8('good'));
  // Together more than what is set aside for the one-byte chunks that the manifest calls them, many times over.
  const nodes = [1, 2, 3].map(() => sealNode(everyoneSalt, frameKinds.chunkList, randomBytes(rawBytesMax), []));
  const put = async (blobs: readonly SealedBlob[]) => {
    await api.putBlobs(await freeGrant(api, 'upload'), blobs.map(encodeBlobRecord));
  };
  await put([good, ...nodes]);
  const written: SealedBlob[] = [];
  const manifest = new ManifestWriter({
    salt: vaultSalt(vaultSecret),
    emit: (node) => {
      written.push(node);
    },
  });
  const asChunk = ({ id, key }: SealedBlob, rawLength: number) => ({ id, key, rawLength });
  const entries = [
    directory(''),
    file('a-good', [asChunk(good, 4)]),
    file(
      'bad',
      nodes.map((node) => asChunk(node, 1)),
    ),
    file('good', [asChunk(good, 4)]),
  ];
  for (const entry of entries) manifest.add(entry);
  const { root } = manifest.finish();
  await put(written);
  const settings = readSettings({}, machine.env);
  const credential = {
    account: 'author',
    accountId: '',
    vaultId: stored.vaultId,
    sessionId: undefined,
    sessionSecret: stored.sessionSecret,
    root: fromBase64(stored.root),
    vaultSecret,
    password: undefined,
  };
  const log = await VaultLog.read(openVault(settings, credential, api));
  const counts = { files: 3, directories: 1, symlinks: 0, bytes: 11 };
  await appendSnapshot(log, {
    root,
    name: 'hostile',
    timeMs: 0,
    host: '',
    tags: [],
    counts,
    sources: [],
    partial: false,
  });
  await api.close();

  const out = join(machine.home, 'out');
  const outcome = await machine.run(['pull', 'hostile', out, '--json']);
  expect(outcome.exit).toBe(15);
  expect(jsonLines(outcome).filter(({ type }) => type === 'problem')).toMatchObject([{ kind: 'damaged', path: 'bad' }]);
  expect(existsSync(join(out, 'bad'))).toBe(false);
  for (const name of ['a-good', 'good']) expect(readFileSync(join(out, name), 'utf8')).toBe('good');
});
