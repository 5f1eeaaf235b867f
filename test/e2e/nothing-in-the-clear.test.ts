// Nothing that is secret stands on the wire or on the daemon's disk, whatever spelling one looks for.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyoneSalt, vaultSalt } from '../../src/client/dedup-domain.js';
import { deriveTokenDomain, deriveTokenKeys, deriveVaultKeys } from '../../src/client/key-hierarchy.js';
import { parseRecoveryKey } from '../../src/client/recovery-key.js';
import { sealLeaf } from '../../src/client/seal.js';
import { parseToken } from '../../src/client/token-string.js';
import { credentialOf } from '../helpers/daemon-api.js';
import { Daemon, Machine, makeTempDir, removeTempDirs } from '../helpers/programs.js';
import { type RecordingProxy, startRecordingProxy } from '../helpers/recording-proxy.js';
import { findSecrets, spellingsOf } from '../helpers/spellings.js';

const account = 'account-of-the-recording';
const password = `password ${randomBytes(9).toString('base64')}`;
const newPassword = `another ${randomBytes(9).toString('base64')}`;
const marker = 'MARKER-IN-THE-CONTENT-OF-FILES';
const fileName = 'marker-name-of-a-file.txt';
const folderName = 'marker-name-of-a-folder';
const snapshotName = 'marker/name-of-the-snapshot';
const tag = 'marker-tag-of-the-push';
const linkTarget = 'marker-target-of-a-link';
const tokenPrefix = 'marker/prefix-of-a-token/';
const tokenLabel = 'marker-label-of-a-token';

let daemon: Daemon;
let proxy: RecordingProxy;
let tree: string;
let machine: Machine;
let recoveryText: string;
let newRecoveryText: string;
/** What the machine held before its keys were rotated. */
let rootBefore: string;
const tokens: string[] = [];

/** One file that compresses, one that does not, one of many chunks, one that stays in the vault's own domain. */
function contents(): ReadonlyMap<string, Buffer> {
  return new Map([
    ['small', Buffer.from(`${marker} small`)],
    [fileName, Buffer.from(`${marker} again and again\n`.repeat(1000))],
    [`${folderName}/random`, Buffer.concat([Buffer.from(marker), randomBytes(3_000_000)])],
    [`${folderName}/id_ed25519`, Buffer.from(`${marker} private`)],
  ]);
}

const files = contents();

const recoveryKeyIn = (text: string) => /^ +((?:[0-9A-Z]{4}-){13}[0-9A-Z]{4})$/m.exec(text)?.[1] ?? '';

async function tokenRun(): Promise<void> {
  const about = ['--name-prefix', tokenPrefix, '--label', tokenLabel];
  for (const may of [['--push-only'], ['--scope', 'list,pull']]) {
    const { id, token } = await machine.summary(['token', 'create', ...may, ...about]);
    tokens.push(String(token));
    const job = new Machine({ JAYCLOUD_TOKEN: String(token) });
    await job.summary(['whoami']);
    if (may.includes('--push-only')) await job.summary(['push', tree, '--name', `${tokenPrefix}build`]);
    else await job.summary(['pull', `${tokenPrefix}build`, 'out']);
    await machine.summary(['token', 'list']);
    await machine.summary(['token', 'revoke', String(id)]);
  }
}

async function fullRun(): Promise<void> {
  const registered = await machine.run(['register', account]);
  expect(registered.exit, registered.stderr).toBe(0);
  recoveryText = recoveryKeyIn(registered.stderr);
  await machine.summary(['login', account]);
  await machine.summary(['push', tree, '--name', snapshotName, '--tag', tag]);
  writeFileSync(join(tree, 'later'), `${marker} later`);
  await machine.summary(['push', tree, '--name', snapshotName]);
  await machine.summary(['ls']);
  await machine.summary(['ls', `${snapshotName}:`]);
  await machine.summary(['log']);
  expect((await machine.run(['cat', `${snapshotName}:small`])).stdout).toBe(`${marker} small`);
  await machine.summary(['pull', snapshotName, 'out']);
  await machine.summary(['rm', `${snapshotName}@1`]);
  await tokenRun();
  const env = { JAYCLOUD_RECOVERY_KEY: recoveryText, JAYCLOUD_NEW_PASSWORD: newPassword };
  await machine.summary(['recovery', 'rehearse'], 0, { env });
  await machine.summary(['passwd'], 0, { env });
  await machine.summary(['recover'], 0, { env });
  rootBefore = credentialOf(machine).root;
  const rotated = await machine.run(['key', 'rotate']);
  expect(rotated.exit, rotated.stderr).toBe(0);
  newRecoveryText = recoveryKeyIn(rotated.stderr);
  await machine.summary(['push', tree, '--name', snapshotName]);
}

beforeAll(async () => {
  // Everything the daemon could write down, its log of requests included.
  daemon = await Daemon.start({ args: ['--log-level', 'debug'] });
  proxy = await startRecordingProxy(daemon.port);
  tree = makeTempDir();
  mkdirSync(join(tree, folderName));
  for (const [name, bytes] of files) writeFileSync(join(tree, name), bytes);
  symlinkSync(linkTarget, join(tree, 'link'));
  machine = new Machine({ JAYCLOUD_SERVER: proxy.url, JAYCLOUD_PASSWORD: password });
  await fullRun();
  await daemon.stop();
});

afterAll(async () => {
  await proxy.close();
  removeTempDirs();
});

/** Keys that follow from secrets: whoever has one of these needs no secret any more. */
function derivedKeys(vaultSecrets: readonly Uint8Array[]): Map<string, Uint8Array> {
  const named = new Map<string, Uint8Array>();
  const nameAll = (of: string, keys: object) => {
    for (const [name, key] of Object.entries(keys)) named.set(`${name} of ${of}`, key as Uint8Array);
  };
  for (const [epoch, secret] of vaultSecrets.entries()) {
    named.set(`vault secret ${String(epoch)}`, secret);
    nameAll(`vault ${String(epoch)}`, deriveVaultKeys(secret));
  }
  for (const [at, text] of tokens.entries()) {
    const { id, secret } = parseToken(text);
    named.set(`token ${String(at)}`, Buffer.from(text)).set(`secret of token ${String(at)}`, secret);
    // What a token proves itself with travels, as a session secret does.
    const { signingSeed, bundleKey, cacheKey } = deriveTokenKeys(secret);
    nameAll(`token ${String(at)}`, { signingSeed, bundleKey, cacheKey });
    nameAll(`domain of token ${String(at)}`, deriveTokenDomain(vaultSecrets[0] ?? secret, id));
  }
  for (const [name, bytes] of files) {
    if (bytes.length > 100_000) continue;
    named.set(`shared chunk key of ${name}`, sealLeaf(everyoneSalt, bytes).key);
    for (const secret of vaultSecrets) named.set(`key of ${name}`, sealLeaf(vaultSalt(secret), bytes).key);
  }
  return named;
}

function secrets(): ReadonlyMap<string, Uint8Array> {
  const { root, vaultSecrets, signingSeed } = credentialOf(machine);
  const named = new Map<string, Uint8Array>([
    ['content of files', Buffer.from(marker)],
    ['name of a file', Buffer.from(fileName)],
    ['name of a folder', Buffer.from(folderName)],
    ['name of the snapshot', Buffer.from(snapshotName)],
    ['tag', Buffer.from(tag)],
    ['target of a link', Buffer.from(linkTarget)],
    ['path of the source', Buffer.from(tree)],
    ['prefix of a token', Buffer.from(tokenPrefix)],
    ['label of a token', Buffer.from(tokenLabel)],
    ['password', Buffer.from(password)],
    ['new password', Buffer.from(newPassword)],
    ['account root', Buffer.from(root, 'base64url')],
    ['account root before the rotation', Buffer.from(rootBefore, 'base64url')],
    ['signing seed', Buffer.from(signingSeed, 'base64url')],
    ...derivedKeys(vaultSecrets.map((secret) => Buffer.from(secret, 'base64url'))),
  ]);
  for (const text of [recoveryText, newRecoveryText]) {
    named.set(`recovery key ${text.slice(0, 4)}`, parseRecoveryKey(text));
    named.set(`recovery key ${text.slice(0, 4)} as shown`, Buffer.from(text));
    named.set(`recovery key ${text.slice(0, 4)} without hyphens`, Buffer.from(text.replaceAll('-', '')));
  }
  for (const [name, bytes] of files) {
    named.set(`SHA-256 of ${name}`, createHash('sha256').update(bytes).digest());
    named.set(`bytes of ${name}`, bytes.subarray(40, 72).length < 16 ? bytes.subarray(4) : bytes.subarray(40, 72));
  }
  return named;
}

function* wire(): Generator<readonly [string, Buffer]> {
  for (const bytes of proxy.recorded()) yield ['the recording', bytes];
}

function* disk(): Generator<readonly [string, Buffer]> {
  yield ["the daemon's log", Buffer.from(daemon.log)];
  for (const entry of readdirSync(daemon.dataDir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) yield [entry.name, readFileSync(join(entry.parentPath, entry.name))];
  }
}

describe('a full run through a recording proxy', () => {
  test('went through the proxy and left something to search in', () => {
    const recorded = proxy.recorded().reduce((sum, { length }) => sum + length, 0);
    expect(recorded).toBeGreaterThan(6_000_000);
    expect([...disk()].some(([name]) => name.endsWith('.pack'))).toBe(true);
    expect([...disk()].some(([name]) => name === 'jaycloud.db')).toBe(true);
    expect(daemon.log).toContain('/v1/blobs');
    expect(recoveryText).toHaveLength(69);
    expect(newRecoveryText).toHaveLength(69);
    expect(secrets().size).toBeGreaterThan(50);
  });

  test('shows what is not secret to the same search, so the search works', () => {
    const { sessionSecret } = credentialOf(machine);
    const known = new Map<string, Uint8Array>([
      ['account name', Buffer.from(account)],
      ['session secret', Buffer.from(sessionSecret, 'base64url')],
    ]);
    expect(findSecrets(known, wire())).toEqual(['account name in the recording', 'session secret in the recording']);
    // On the disk stands the name, and of the session secret a hash alone.
    const stored = findSecrets(known, disk());
    expect(stored.filter((line) => line.startsWith('account name'))).not.toEqual([]);
    expect(stored.filter((line) => line.startsWith('session secret'))).toEqual([]);
    const hash = createHash('sha256').update(Buffer.from(sessionSecret, 'base64url')).digest();
    expect(findSecrets(new Map([['hash', hash]]), disk())).not.toEqual([]);
    const bearers = tokens.map((text) => ['bearer', deriveTokenKeys(parseToken(text).secret).bearerSecret] as const);
    for (const bearer of bearers) {
      expect(findSecrets(new Map([bearer]), wire())).toEqual(['bearer in the recording']);
      expect(findSecrets(new Map([bearer]), disk())).toEqual([]);
    }
  });

  test('the search finds planted bytes in every spelling and at every alignment', () => {
    const bytes = randomBytes(20);
    const planted = spellingsOf(bytes).map((needle, at) => [`place ${String(at)}`, needle] as const);
    expect(planted).toHaveLength(9);
    for (const place of planted) expect(findSecrets(new Map([['planted', bytes]]), [place])).toHaveLength(1);
    for (const before of [0, 1, 2, 3]) {
      const joined = Buffer.concat([randomBytes(before), bytes, randomBytes(before)]);
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const text = Buffer.from(joined.toString(encoding));
        expect(findSecrets(new Map([['planted', bytes]]), [['text', text]])).toEqual(['planted in text']);
      }
    }
  });

  test('has no content, name, key, password or hash of a file on the wire', () => {
    expect(findSecrets(secrets(), wire())).toEqual([]);
  });

  test("has none of them in the daemon's data directory or log", () => {
    expect(findSecrets(secrets(), disk())).toEqual([]);
  });

  test("none of them is in the client's cache either, but for the keys in the credential file", () => {
    const cache = machine.env['JAYCLOUD_CACHE_DIR'] ?? '';
    const entries = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(entries.length).toBeGreaterThan(0);
    const haystacks = entries.map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name))] as const);
    expect(findSecrets(secrets(), haystacks)).toEqual([]);
  });
});
