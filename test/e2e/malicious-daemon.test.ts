// The real client and a daemon that lies (docs/threat-model.md, "A daemon that lies"): every lie ends with the exit code that
// it should, and nothing false is used.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { currentVaultKeys, deriveTokenKeys } from '../../src/client/key-hierarchy.js';
import { NameKey } from '../../src/client/name-key.js';
import { sealSnapshotRecord } from '../../src/client/snapshot-record.js';
import { parseToken } from '../../src/client/token-string.js';
import { BlobStreamParser, encodeBlobRecord } from '../../src/protocol/blob-stream.js';
import { fromBase64, fromHex, toBase64 } from '../../src/protocol/bytes.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../../src/protocol/ed25519.js';
import type {
  CreateSessionResponse,
  ListTokensResponse,
  ReadLogResponse,
  StartLoginResponse,
} from '../../src/protocol/messages.js';
import { nameTagOf } from '../../src/protocol/name-path.js';
import { credentialOf } from '../helpers/daemon-api.js';
import { ForgedLog } from '../helpers/forged-log.js';
import { newSigner } from '../helpers/log-chain.js';
import { type Asked, LyingProxy, lieInJson } from '../helpers/lying-proxy.js';
import {
  Daemon,
  jsonLines,
  lastJson,
  Machine,
  makeTempDir,
  type Outcome,
  removeTempDirs,
} from '../helpers/programs.js';

let daemon: Daemon;
let proxy: LyingProxy;
let tree: string;
/** Answers that the daemon gave to a login of mallory, who works with the operator. */
let mallory: CreateSessionResponse;
let ann: Machine;
let recoveryKey: string;

const passwordOf = (account: string) => `pass of ${account}`;
const machineFor = (account: string, url = proxy.url) =>
  new Machine({ JAYCLOUD_SERVER: url, JAYCLOUD_PASSWORD: passwordOf(account) });

beforeAll(async () => {
  daemon = await Daemon.start();
  proxy = await LyingProxy.start(daemon.url);
  tree = makeTempDir();
  mkdirSync(join(tree, 'sub'));
  writeFileSync(join(tree, 'a'), 'true content of a');
  writeFileSync(join(tree, 'sub', 'b'), 'true content of b');
  await machineFor('mallory').summary(['register', 'mallory']);
  proxy.lie(
    'createSession',
    lieInJson<CreateSessionResponse>((answer) => {
      mallory = answer;
      return answer;
    }),
  );
  await machineFor('mallory').summary(['login', 'mallory']);
  proxy.beHonest();
  ann = machineFor('ann');
  const registered = await ann.run(['register', 'ann']);
  recoveryKey = /(?:[0-9A-Z]{4}-){13}[0-9A-Z]{4}/.exec(registered.stderr)?.[0] ?? '';
  await ann.summary(['push', tree, '--name', 'home']);
});

afterEach(() => {
  proxy.beHonest();
});

afterAll(async () => {
  await proxy.close();
  await daemon.stop();
  removeTempDirs();
});

function expectRefusal(outcome: Outcome, exit: number, message: RegExp): void {
  expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(exit);
  expect(String(lastJson(outcome)['message'])).toMatch(message);
}

/** The second character of the last third is changed: still base64, of other bytes. */
function flipped(text: string): string {
  const at = Math.floor((text.length * 2) / 3);
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}

describe('keys and logins', () => {
  type Change = (answer: CreateSessionResponse) => unknown;
  const keys = (change: (keys: CreateSessionResponse['keys']) => object): Change => {
    return (answer) => ({ ...answer, keys: { ...answer.keys, ...change(answer.keys) } });
  };
  const lies: [string, Change][] = [
    ['the password envelope of another account', keys(() => ({ passwordEnvelope: mallory.keys.passwordEnvelope }))],
    ['the recovery envelope as that of the password', keys((own) => ({ passwordEnvelope: own.recoveryEnvelope }))],
    ['a password envelope with a flipped bit', keys((own) => ({ passwordEnvelope: flipped(own.passwordEnvelope) }))],
    ['the vault envelope of another account', keys(() => ({ vaultEnvelope: mallory.keys.vaultEnvelope }))],
    ['a vault envelope with a flipped bit', keys((own) => ({ vaultEnvelope: flipped(own.vaultEnvelope) }))],
    ['another identity', keys(() => ({ identityPublicKey: mallory.keys.identityPublicKey }))],
    ['another vault key', keys(() => ({ vaultPublicKey: mallory.keys.vaultPublicKey }))],
    ['another vault', keys(() => ({ vaultId: mallory.keys.vaultId }))],
    ['the whole keyring of another account', () => mallory],
    ['another account id', (answer) => ({ ...answer, accountId: mallory.accountId })],
    ['another account name', (answer) => ({ ...answer, account: 'mallory' })],
  ];

  test.each(lies)('%s ends the login with 15, and nothing is kept', async (_what, change) => {
    proxy.lie('createSession', lieInJson<CreateSessionResponse>(change));
    const machine = machineFor('ann');
    expectRefusal(await machine.run(['login', 'ann', '--json']), 15, /the daemon (keeps|answered)/);
    expect(existsSync(join(machine.env['JAYCLOUD_CONFIG_DIR'] ?? '', 'credentials.json'))).toBe(false);
  });

  test.each([
    ['weaker', { memoryKib: 8192 }],
    ['fewer', { iterations: 1 }],
    ['endless', { iterations: 1_000_000 }],
    ['huge', { memoryKib: 2 ** 31 }],
  ])('%s parameters of Argon2id are refused before anything is computed', async (_what, change) => {
    proxy.lie(
      'startLogin',
      lieInJson<StartLoginResponse>((answer) => ({ ...answer, keyStretching: { ...answer.keyStretching, ...change } })),
    );
    expectRefusal(await machineFor('ann').run(['login', 'ann', '--json']), 15, /out of bounds/);
  });

  test('answers of another daemon, with another key for logins, are refused wherever a password is made', async () => {
    const other = await Daemon.start();
    proxy.lie('startRegistration', async (_answer, { body }) => {
      const response = await fetch(`${other.url}/v1/accounts/start`, { method: 'POST', body });
      return Buffer.from(await response.arrayBuffer());
    });
    const env = { JAYCLOUD_NEW_PASSWORD: 'another', JAYCLOUD_RECOVERY_KEY: recoveryKey };
    for (const command of [['passwd'], ['key', 'rotate'], ['recovery', 'rehearse'], ['recover', 'ann']]) {
      expectRefusal(await ann.run([...command, '--json'], { env }), 15, /the daemon has (one|another login) key/);
    }
    await other.stop();
    proxy.beHonest();
    await machineFor('ann').summary(['login', 'ann']);
  });

  test('a login that another daemon answers is the login of nobody', async () => {
    const other = await Daemon.start();
    await machineFor('ann', other.url).summary(['register', 'ann']);
    const { vaultId } = credentialOf(ann);
    const there = await LyingProxy.start(other.url);
    there.lie(
      'createSession',
      lieInJson<CreateSessionResponse>((answer) => ({ ...answer, keys: { ...answer.keys, vaultId } })),
    );
    expectRefusal(await machineFor('ann', there.url).run(['login', 'ann', '--json']), 15, /keys that are not those/);
    await there.close();
    await other.stop();
  });
});

describe('the vault log', () => {
  const forge = (change: (log: ForgedLog) => unknown) => {
    const { vaultId } = credentialOf(ann);
    return async (_answer: Buffer, { query }: Asked): Promise<Buffer> => {
      const after = Number(query.get('after') ?? '0');
      const response = await fetch(`${daemon.url}/v1/log`, {
        headers: { authorization: `Bearer ${credentialOf(ann).sessionSecret}` },
      });
      const { entries } = (await response.json()) as ReadLogResponse;
      const log = new ForgedLog(vaultId, entries);
      await change(log);
      return Buffer.from(JSON.stringify(log.answer(after)));
    };
  };

  /** What the operator can make: he knows the vault's public key, and has sealed a record to it. */
  async function forgedPush() {
    const own = credentialOf(ann);
    const secrets = own.vaultSecrets.map(fromBase64);
    const namePath = NameKey.ofVault(currentVaultKeys(secrets).nameKey).pathOf('home');
    const root = { id: new Uint8Array(32), key: new Uint8Array(32) };
    const counts = { files: 1, directories: 0, symlinks: 0, bytes: 1 };
    const about = { name: 'home', timeMs: 0, host: 'forged', tags: [], sources: [], partial: false };
    const session = await fetchKeys();
    const body = await sealSnapshotRecord({
      vaultPublicKey: fromBase64(session.keys.vaultPublicKey),
      vaultId: fromHex(own.vaultId),
      nameTag: nameTagOf(namePath),
      record: { root, counts, ...about },
    });
    return { change: { op: 'push', namePath, root: root.id } as const, body };
  }

  async function fetchKeys(): Promise<CreateSessionResponse> {
    let seen: CreateSessionResponse | undefined;
    proxy.lie(
      'createSession',
      lieInJson<CreateSessionResponse>((answer) => {
        seen = answer;
        return answer;
      }),
    );
    await machineFor('ann').summary(['login', 'ann']);
    proxy.beHonest();
    if (seen === undefined) throw new Error('no login');
    return seen;
  }

  test('that ends earlier than this machine has seen is exit 15, says so, and what to do', async () => {
    await ann.summary(['log']);
    proxy.lie(
      'readLog',
      forge((log) => log.entries.pop()),
    );
    for (const command of [['log'], ['ls'], ['push', tree, '--name', 'home'], ['pull', 'home', join(ann.home, 'no')]]) {
      const outcome = await ann.run([...command, '--json']);
      expectRefusal(outcome, 15, /not the one this machine has seen/);
      expect(String(lastJson(outcome)['hint'])).toMatch(/do not push, compare 'jaycloud log' on another machine/);
    }
    expect(existsSync(join(ann.home, 'no'))).toBe(false);
  });

  test('with a snapshot that was sealed to the vault and signed by nobody certified is exit 15', async () => {
    const { change, body } = await forgedPush();
    proxy.lie(
      'readLog',
      forge((log) => log.add(newSigner(), change, body)),
    );
    for (const machine of [ann, await freshAnn()]) {
      expectRefusal(await machine.run(['log', '--json']), 15, /the author is not certified/);
    }
  });

  test('with a push of a token that was revoked is exit 15', async () => {
    const { token, id } = await ann.summary(['token', 'create', '--push-only']);
    await ann.summary(['token', 'revoke', String(id)]);
    const key = ed25519PrivateKey(deriveTokenKeys(parseToken(String(token)).secret).signingSeed);
    const { change, body } = await forgedPush();
    proxy.lie(
      'readLog',
      forge((log) => log.add({ key, publicKey: ed25519PublicKeyOf(key) }, change, body)),
    );
    expectRefusal(await ann.run(['ls', '--json']), 15, /the author is not certified, or no longer/);
  });

  test('with an entry missing, exchanged or repeated is exit 15 on a machine that has seen nothing', async () => {
    await ann.summary(['push', tree, '--name', 'home']);
    const changes: ((log: ForgedLog) => unknown)[] = [
      (log) => log.entries.splice(1, 1),
      (log) => log.entries.reverse(),
      (log) => log.entries.splice(1, 0, ...log.entries.slice(0, 1)),
    ];
    for (const change of changes) {
      const machine = await freshAnn();
      proxy.lie('readLog', forge(change));
      expectRefusal(await machine.run(['log', '--json']), 15, /does not follow the one before it/);
      proxy.beHonest();
    }
  });

  async function freshAnn(): Promise<Machine> {
    const machine = machineFor('ann');
    await machine.summary(['login', 'ann']);
    return machine;
  }
});

describe('content and tokens', () => {
  test('blobs of somebody else in the place of those asked for are not restored, and the exit code is 15', async () => {
    proxy.lie('fetchBlobs', (answer) => {
      const parser = new BlobStreamParser();
      const blobs = parser.push(answer);
      // Every blob is another one of the same answer, under the id that was asked for.
      const told = blobs.map(({ id }, at) =>
        encodeBlobRecord({ id, blob: blobs[(at + 1) % blobs.length]?.blob ?? id }),
      );
      return Buffer.concat(
        blobs.length > 1 ? told : blobs.map(({ id }) => encodeBlobRecord({ id, blob: Buffer.alloc(1044) })),
      );
    });
    const out = join(ann.home, 'lied');
    const outcome = await ann.run(['pull', 'home', out, '--json']);
    expect(outcome.exit, outcome.stdout).toBe(15);
    const left = existsSync(out) ? readdirSync(out, { recursive: true, withFileTypes: true }) : [];
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  });

  test('a token that the daemon calls live stays revoked, because the log says so', async () => {
    const { id } = await ann.summary(['token', 'create', '--push-only']);
    await ann.summary(['token', 'revoke', String(id)]);
    proxy.lie(
      'listTokens',
      lieInJson<ListTokensResponse>(({ tokens }) => ({
        tokens: tokens.map((token) => ({ ...token, isRevoked: false })),
      })),
    );
    const lines = jsonLines(await ann.run(['token', 'list', '--json']));
    expect(lines.find((line) => line['id'] === id)).toMatchObject({ state: 'revoked' });
  });

  test('a token that is not in the log, or claims more than its certificate, is found out', async () => {
    const { id } = await ann.summary(['token', 'create', '--push-only']);
    proxy.lie(
      'listTokens',
      lieInJson<ListTokensResponse>(({ tokens }) => ({
        tokens: tokens.map((token) => ({ ...token, scopes: ['push', 'list', 'pull', 'forget'], isPushOnly: false })),
      })),
    );
    const lines = jsonLines(await ann.run(['token', 'list', '--json']));
    expect(lines.find((line) => line['id'] === id)).toMatchObject({ scopes: ['push'], pushOnly: true });
    proxy.lie(
      'listTokens',
      lieInJson<ListTokensResponse>(({ tokens }) => ({
        tokens: tokens.map((token) => ({ ...token, id: '0'.repeat(32) })),
      })),
    );
    expectRefusal(await ann.run(['token', 'list', '--json']), 15, /not in the vault log/);
  });

  test('a push-only token notices a head behind what it has written, and a bundle that is not its own', async () => {
    const { token } = await ann.summary(['token', 'create', '--push-only']);
    const { token: other } = await ann.summary(['token', 'create', '--push-only']);
    const job = new Machine({ JAYCLOUD_TOKEN: String(token), JAYCLOUD_SERVER: proxy.url });
    await job.summary(['push', tree, '--name', 'ci']);
    proxy.lie(
      'getHead',
      lieInJson(() => ({ seq: 1, hash: toBase64(new Uint8Array(32)) })),
    );
    expectRefusal(await job.run(['push', tree, '--name', 'ci', '--json']), 15, /not the one this machine has seen/);
    proxy.beHonest();
    let bundle = '';
    proxy.lie(
      'getToken',
      lieInJson<{ bundle: string }>((answer) => {
        bundle = answer.bundle;
        return answer;
      }),
    );
    await new Machine({ JAYCLOUD_TOKEN: String(other), JAYCLOUD_SERVER: proxy.url }).summary(['whoami']);
    proxy.lie(
      'getToken',
      lieInJson<object>((answer) => ({ ...answer, bundle })),
    );
    expectRefusal(
      await job.run(['push', tree, '--name', 'ci', '--json']),
      15,
      /a bundle that is not that of this token/,
    );
  });
});
