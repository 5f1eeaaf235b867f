// Two hundred CI jobs with push-only tokens that write to one vault at the same moment, through a real daemon. Each is a
// client of its own, with its own folders and connection; they share a process, because two hundred would fill the machine.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BlindLog } from '../../src/client/blind-log.js';
import { readSettings } from '../../src/client/config.js';
import { DaemonApi } from '../../src/client/daemon-api.js';
import { frameKinds } from '../../src/client/frame.js';
import { createHttpTransport } from '../../src/client/http-transport.js';
import { type SealedBlob, sealNode } from '../../src/client/seal.js';
import { appendSnapshot } from '../../src/client/snapshots.js';
import { parseToken } from '../../src/client/token-string.js';
import { openTokenVault, useToken, type Vault } from '../../src/client/vault.js';
import { encodeBlobRecord } from '../../src/protocol/blob-stream.js';
import { freeGrant } from '../helpers/daemon-api.js';
import { Daemon, jsonLines, Machine, machineOf, removeTempDirs } from '../helpers/programs.js';

const jobCount = 200;
const tokenCount = 8;

interface Job {
  readonly vault: Vault;
  readonly root: SealedBlob;
  readonly name: string;
}

let daemon: Daemon;
let owner: Machine;
let jobs: Job[];

async function openJob(text: string, name: string): Promise<Job> {
  const token = parseToken(text);
  const api = new DaemonApi(await createHttpTransport(daemon.url));
  useToken(api, token);
  const settings = readSettings({ server: daemon.url }, new Machine().env);
  const vault = openTokenVault(settings, token, await api.getToken(), api);
  const salt = vault.domain?.dedupSalt ?? new Uint8Array();
  const root = sealNode(salt, frameKinds.manifestLeaf, randomBytes(100), []);
  await api.putBlobs(await freeGrant(api, 'upload'), [encodeBlobRecord(root)]);
  return { vault, root, name };
}

beforeAll(async () => {
  daemon = await Daemon.start();
  owner = await machineOf(daemon, 'owner', 'register');
  const tokens: string[] = [];
  for (let made = 0; made < tokenCount; made += 1) {
    const args = ['token', 'create', '--push-only', '--name-prefix', 'ci/', '--label', `job ${String(made)}`];
    tokens.push(String((await owner.summary(args))['token']));
  }
  jobs = [];
  for (let at = 0; at < jobCount; at += 1) {
    const name = at % 2 === 0 ? 'ci/common' : `ci/own-${String(at)}`;
    jobs.push(await openJob(tokens[at % tokenCount] ?? '', name));
  }
});

afterAll(async () => {
  await Promise.all(jobs.map(({ vault }) => vault.api.close()));
  await daemon.stop();
  removeTempDirs();
});

describe('two hundred jobs at once', () => {
  test('all land, each at a place of its own, and the log stays one chain', async () => {
    const appended = await Promise.all(
      jobs.map(async ({ vault, root, name }) => {
        const counts = { files: 0, directories: 1, symlinks: 0, bytes: 0 };
        const about = { timeMs: Date.now(), host: 'ci', tags: [], sources: [], partial: false };
        return appendSnapshot(await BlindLog.read(vault), { root, name, counts, ...about });
      }),
    );
    // The tokens' certificates come first; then every place is taken once.
    const seqs = appended.map(({ seq }) => seq).sort((a, b) => a - b);
    expect(seqs).toEqual(Array.from({ length: jobCount }, (_, at) => tokenCount + 1 + at));
    const common = appended.filter(({ record }) => record.name === 'ci/common').map(({ version }) => version);
    expect(common.sort((a, b) => a - b)).toEqual(Array.from({ length: jobCount / 2 }, (_, at) => at + 1));
    // A reader who has seen nothing checks every link, signature and certificate of it.
    const reader = await machineOf(daemon, 'owner', 'login');
    const lines = jsonLines(await reader.run(['log', '--authors', '--json'])).slice(0, -1);
    expect(lines).toHaveLength(jobCount);
    const ids = new Map(appended.map(({ id, record }) => [id, record.name]));
    expect(new Map(lines.map((line) => [line['snapshot'], line['name']]))).toEqual(ids);
    const labels = new Set(lines.map((line) => (line['author'] as { label: string }).label));
    expect(labels.size).toBe(tokenCount);
  });
});
