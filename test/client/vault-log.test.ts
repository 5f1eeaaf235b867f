// A daemon that lies about the vault log (docs/threat-model.md): the client's own code on a real daemon, whose answers to
// readLog and getHead are exchanged. Every lie is refused with its own reason, and nothing of it is used.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BlindLog } from '../../src/client/blind-log.js';
import { readSettings } from '../../src/client/config.js';
import type { Credential } from '../../src/client/credentials.js';
import { deriveAccountKeys, deriveTokenKeys } from '../../src/client/key-hierarchy.js';
import { sealSnapshotRecord } from '../../src/client/snapshot-record.js';
import { listLatest, listSnapshots } from '../../src/client/snapshots.js';
import { parseToken } from '../../src/client/token-string.js';
import { createToken, revokeCertificates, type TokenOptions } from '../../src/client/tokens.js';
import { openTokenVault, openVault, useToken, type Vault } from '../../src/client/vault.js';
import { VaultLog } from '../../src/client/vault-log.js';
import { fromHex, toBase64 } from '../../src/protocol/bytes.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../../src/protocol/ed25519.js';
import { nameTagOf } from '../../src/protocol/name-path.js';
import { type AccountDaemon, openAccountDaemon } from '../helpers/account-daemon.js';
import { certificateOf, ForgedLog, type WireEntry } from '../helpers/forged-log.js';
import { newSigner, type TestSigner } from '../helpers/log-chain.js';

let daemon: AccountDaemon;
const homes: string[] = [];

beforeAll(async () => {
  daemon = await openAccountDaemon();
});

afterAll(async () => {
  await daemon.close();
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

function signerOf(seed: Uint8Array): TestSigner {
  const key = ed25519PrivateKey(seed);
  return { key, publicKey: ed25519PublicKeyOf(key) };
}

/** A machine that remembers what it has seen, or one that has seen nothing. */
function openOn(
  credential: Credential,
  home = mkdtempSync(join(tmpdir(), 'jaycloud-log-')),
): { vault: Vault; home: string } {
  homes.push(home);
  const folders = { JAYCLOUD_CONFIG_DIR: home, JAYCLOUD_CACHE_DIR: join(home, 'cache') };
  const settings = readSettings({ server: 'http://localhost' }, folders);
  return { vault: openVault(settings, credential, daemon.api()), home };
}

const anything = { label: '', scopes: ['push'], prefix: '', lifeMs: 0, quotaBytes: 0, isPushOnly: true } as const;

interface Scene {
  readonly credential: Credential;
  readonly identity: TestSigner;
  readonly session: TestSigner;
  readonly entries: readonly WireEntry[];
  readonly namePath: Uint8Array;
  /** A record that opens, sealed as anybody can who knows the vault's public key. */
  readonly body: Uint8Array;
}

/** A vault with two tokens in its log: three entries to lie about. */
async function sceneOf(account: string): Promise<Scene> {
  const { credential } = await daemon.register(account);
  const { vault } = openOn(credential);
  for (let count = 0; count < 3; count += 1) await createToken(await VaultLog.read(vault), anything);
  const { entries } = await vault.api.readLog(0);
  const namePath = vault.names.pathOf('home');
  const record = {
    root: { id: new Uint8Array(32).fill(1), key: new Uint8Array(32).fill(2) },
    name: 'home',
    timeMs: 0,
    host: 'h',
    tags: [],
    counts: { files: 0, directories: 1, symlinks: 0, bytes: 0 },
    sources: [],
    partial: false,
  };
  const context = { vaultId: fromHex(vault.vaultId), nameTag: nameTagOf(namePath) };
  const body = await sealSnapshotRecord({ ...context, vaultPublicKey: await vault.publicKey(), record });
  const identity = signerOf(deriveAccountKeys(credential.root).identitySeed);
  return { credential, identity, session: signerOf(credential.signingSeed), entries, namePath, body };
}

const root = new Uint8Array(32).fill(1);

/** Reads a log that the daemon answers with; what comes out must be an integrity error with this reason. */
async function expectRefused(credential: Credential, log: ForgedLog, reason: RegExp, home?: string): Promise<void> {
  const { vault } = openOn(credential, home);
  vault.api.readLog = (after) => Promise.resolve(log.answer(after));
  const read = VaultLog.read(vault);
  await expect(read).rejects.toMatchObject({ code: 'integrity', message: expect.stringMatching(reason) as string });
  await expect(read).rejects.toMatchObject({ hint: expect.stringMatching(/do not push/) as string });
}

describe('entries that nobody may have written', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await sceneOf('ann');
  });

  const forged = () => new ForgedLog(scene.credential.vaultId, scene.entries);
  const push = () => ({ op: 'push', namePath: scene.namePath, root }) as const;

  test('the log as it is, and one entry more that is right, are accepted', async () => {
    const log = forged()
      .add(scene.identity, { op: 'certify', certificate: certificateOf(scene.session) })
      .add(scene.session, push(), scene.body);
    const { vault } = openOn(scene.credential);
    vault.api.readLog = (after) => Promise.resolve(log.answer(after));
    expect((await listSnapshots(await VaultLog.read(vault))).map(({ record }) => record.name)).toEqual(['home']);
  });

  test('a snapshot that is sealed to the vault, by a stranger and by the identity itself', async () => {
    for (const signer of [newSigner(), scene.identity]) {
      await expectRefused(
        scene.credential,
        forged().add(signer, push(), scene.body),
        /not allowed: the author is not certified/,
      );
    }
  });

  test('a certificate by a session, by a token, by a stranger', async () => {
    const token = newSigner();
    const log = () => forged().add(scene.identity, { op: 'certify', certificate: certificateOf(token) });
    const certify = { op: 'certify', certificate: certificateOf(newSigner()) } as const;
    for (const signer of [token, newSigner()]) {
      await expectRefused(scene.credential, log().add(signer, certify), /not allowed: only the identity/);
    }
  });

  test('a push by a token or session that was revoked, has expired, may not push, or is outside its prefix', async () => {
    const { vault } = openOn(scene.credential);
    const prefixTags = [vault.names.tagOf('ci/')];
    const token = newSigner();
    const certified = (limits: Parameters<typeof certificateOf>[1]) =>
      forged().add(scene.identity, { op: 'certify', certificate: certificateOf(token, limits) });
    const seq = scene.entries.length + 1;
    const cases: [ForgedLog, RegExp][] = [
      [certified({}).add(scene.identity, { op: 'revoke', targetSeqs: [seq] }), /not certified, or no longer/],
      [certified({ kind: 'session' }).add(scene.identity, { op: 'revoke', targetSeqs: [seq] }), /or no longer/],
      [certified({ expiresAtMs: 1_000_000 }), /the token has expired/],
      [certified({ scopes: ['list', 'pull'] }), /may not push/],
      [certified({ prefixTags }), /outside the prefix/],
    ];
    for (const [log, reason] of cases) {
      await expectRefused(scene.credential, log.add(token, push(), scene.body), reason);
    }
  });

  test('a deletion without the scope, outside the prefix, of what is no snapshot, or a second time', async () => {
    const { vault } = openOn(scene.credential);
    const start = () =>
      forged()
        .add(scene.identity, { op: 'certify', certificate: certificateOf(scene.session) })
        .add(scene.session, push(), scene.body);
    const targetSeq = scene.entries.length + 2;
    const remove = { op: 'delete', targetSeq } as const;
    const token = newSigner();
    const withToken = (limits: Parameters<typeof certificateOf>[1]) =>
      start().add(scene.identity, { op: 'certify', certificate: certificateOf(token, limits) });
    const cases: [ForgedLog, RegExp][] = [
      [withToken({ scopes: ['push'] }).add(token, remove), /may not delete/],
      [withToken({ prefixTags: [vault.names.tagOf('ci/')] }).add(token, remove), /outside the prefix/],
      [start().add(scene.session, { op: 'delete', targetSeq: 1 }), /no live snapshot/],
      [start().add(scene.session, remove).add(scene.session, remove), /no live snapshot/],
    ];
    for (const [log, reason] of cases) await expectRefused(scene.credential, log, reason);
  });

  test('a key that is certified twice, a revocation of nothing, a rotation that the heir did not agree to', async () => {
    const token = newSigner();
    const certify = { op: 'certify', certificate: certificateOf(token) } as const;
    const rotate = {
      op: 'rotate',
      identityPublicKey: newSigner().publicKey,
      vaultPublicKey: root,
      consent: new Uint8Array(64),
    } as const;
    const cases: [ForgedLog, RegExp][] = [
      [forged().add(scene.identity, certify).add(scene.identity, certify), /certified twice/],
      [
        forged()
          .add(scene.identity, { op: 'revoke', targetSeqs: [1] })
          .add(scene.identity, { op: 'revoke', targetSeqs: [1] }),
        /revokes what is no certificate/,
      ],
      [forged().add(scene.identity, rotate), /did not agree/],
    ];
    for (const [log, reason] of cases) await expectRefused(scene.credential, log, reason);
  });

  test('a whole log under a made-up identity', async () => {
    const [identity, writer] = [newSigner(), newSigner()];
    const log = new ForgedLog(scene.credential.vaultId)
      .add(identity, { op: 'certify', certificate: certificateOf(writer) })
      .add(writer, push(), scene.body);
    await expectRefused(scene.credential, log, /not signed for by the identity of the account/);
  });

  test('a record that was sealed for another name', async () => {
    const other = { op: 'push', namePath: openOn(scene.credential).vault.names.pathOf('other'), root } as const;
    const log = forged()
      .add(scene.identity, { op: 'certify', certificate: certificateOf(scene.session) })
      .add(scene.session, other, scene.body);
    const { vault } = openOn(scene.credential);
    vault.api.readLog = (after) => Promise.resolve(log.answer(after));
    await expect(listSnapshots(await VaultLog.read(vault))).rejects.toMatchObject({ code: 'integrity' });
    await expect(listLatest(await VaultLog.read(vault))).rejects.toMatchObject({ code: 'integrity' });
  });

  test('a record that does not open is met where it is opened: for names, where it is the latest', async () => {
    const certified = forged().add(scene.identity, { op: 'certify', certificate: certificateOf(scene.session) });
    const wrong = new Uint8Array(300);
    const log = certified.add(scene.session, push(), wrong).add(scene.session, push(), scene.body);
    const { vault } = openOn(scene.credential);
    vault.api.readLog = (after) => Promise.resolve(log.answer(after));
    const read = await VaultLog.read(vault);
    await expect(listSnapshots(read)).rejects.toMatchObject({ code: 'integrity' });
    const names = await listLatest(read);
    expect(names.map(({ latest, snapshots }) => [latest.record.name, latest.version, snapshots])).toEqual([
      ['home', 2, 2],
    ]);
  });
});

describe('a chain that is not what it was', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await sceneOf('bea');
  });

  const logOf = (...entries: (WireEntry | undefined)[]) =>
    new ForgedLog(
      scene.credential.vaultId,
      entries.filter((entry) => entry !== undefined),
    );

  test('with an entry dropped, two reordered, one repeated, or one of another vault', async () => {
    const [one, two, three] = scene.entries;
    const stranger = (await sceneOf('mallory')).entries[0];
    const { credential } = scene;
    await expectRefused(credential, logOf(one, three), /entry 2 .* does not follow/);
    await expectRefused(credential, logOf(two, three), /entry 1 .* does not follow/);
    await expectRefused(credential, logOf(one, three, two), /entry 2 .* does not follow/);
    await expectRefused(credential, logOf(one, one, two), /entry 2 .* does not follow/);
    await expectRefused(credential, logOf(stranger), /entry 1 .* another vault/);
  });

  test('with another signature, body or time in an entry', async () => {
    const [one, two, three] = scene.entries;
    if (one === undefined || two === undefined) throw new Error('no entries');
    const { credential } = scene;
    const swapped = { ...one, signature: toBase64(new Uint8Array(64)) };
    await expectRefused(credential, logOf(swapped, two), /entry 1 .* wrong signature/);
    await expectRefused(credential, logOf(one, { ...two, body: one.body }), /entry 2 .* another body/);
    const earlier = { ...two, receivedAt: '2001-01-01T00:00:00.000Z' };
    await expectRefused(credential, logOf(one, earlier, three), /entry 2 .* received before/);
    await expectRefused(credential, logOf({ ...one, entry: `${one.entry}AA` }), /entry 1 .* cannot be read/);
  });

  test('with bodies withheld from somebody who may read them', async () => {
    const [one, two] = scene.entries;
    if (two === undefined) throw new Error('no entries');
    await expectRefused(scene.credential, logOf(one, { ...two, body: null }), /entry 2 .* withheld/);
  });

  test('with a head that promises more, or less, than there is', async () => {
    for (const headSeq of [2, 4]) {
      const { vault } = openOn(scene.credential);
      vault.api.readLog = (after) => Promise.resolve({ headSeq, entries: scene.entries.slice(after) });
      await expect(VaultLog.read(vault)).rejects.toMatchObject({
        code: 'integrity',
        message: 'the daemon does not give the whole vault log',
      });
    }
  });

  test('rolled back, emptied or forked behind what this machine has seen, with and without its cache', async () => {
    const [one, two] = scene.entries;
    const fork = logOf(one, two).add(scene.identity, { op: 'certify', certificate: certificateOf(newSigner()) });
    const longer = logOf(one, two)
      .add(scene.identity, { op: 'certify', certificate: certificateOf(newSigner()) })
      .add(scene.identity, { op: 'certify', certificate: certificateOf(newSigner()) });
    for (const keepsCache of [true, false]) {
      for (const log of [logOf(one, two), logOf(), fork, longer]) {
        const { vault, home } = openOn(scene.credential);
        await VaultLog.read(vault);
        if (!keepsCache) rmSync(join(home, 'cache'), { recursive: true });
        await expectRefused(scene.credential, log, /not the one this machine has seen/, home);
      }
    }
  });

  test('a machine that has seen nothing cannot tell an old log from a new one', async () => {
    const { vault } = openOn(scene.credential);
    vault.api.readLog = (after) => Promise.resolve(logOf(...scene.entries.slice(0, 2)).answer(after));
    expect((await VaultLog.read(vault)).lines).toHaveLength(2);
  });
});

describe('a token that can only push', () => {
  async function tokenOf(account: string, options: TokenOptions = anything) {
    const { credential } = await daemon.register(account);
    const { vault } = openOn(credential);
    const { token } = await createToken(await VaultLog.read(vault), options);
    const parsed = parseToken(token);
    const api = daemon.api();
    useToken(api, parsed);
    const home = mkdtempSync(join(tmpdir(), 'jaycloud-token-'));
    homes.push(home);
    const folders = { JAYCLOUD_CONFIG_DIR: home, JAYCLOUD_CACHE_DIR: home };
    const settings = readSettings({ server: 'http://localhost' }, folders);
    return { vault, credential, parsed, settings, api, answer: await api.getToken() };
  }

  test('notices a daemon that goes back behind what the token has written', async () => {
    const { parsed, settings, api, answer } = await tokenOf('cleo');
    const vault = openTokenVault(settings, parsed, answer, api);
    const log = await BlindLog.read(vault);
    // What it remembers is what it has written itself.
    log.acknowledge({ entry: '', signature: '', body: '', receivedAt: '' });
    await expect(BlindLog.read(vault)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringMatching(/not the one this machine has seen/) as string,
    });
  });

  test('refuses the bundle of another token, of another vault, and one with a flipped bit', async () => {
    const { parsed, settings, api, answer } = await tokenOf('dan');
    const other = await tokenOf('eve');
    const wrong = [
      { ...answer, bundle: other.answer.bundle },
      { ...answer, vaultId: other.answer.vaultId },
      {
        ...answer,
        bundle: `${answer.bundle.slice(0, 120)}${answer.bundle[120] === 'A' ? 'B' : 'A'}${answer.bundle.slice(121)}`,
      },
    ];
    for (const lie of wrong) {
      expect(() => openTokenVault(settings, parsed, lie, api)).toThrow(expect.objectContaining({ code: 'integrity' }));
    }
    expect(openTokenVault(settings, parsed, answer, api).hpkeSeeds).toEqual([]);
  });

  test('whose certificate was taken back signs nothing that a reader takes, even where the daemon takes it', async () => {
    const { vault, credential, parsed } = await tokenOf('fay');
    await revokeCertificates(await VaultLog.read(vault), ({ kind }) => kind === 'token');
    const { entries } = await vault.api.readLog(0);
    const signer = signerOf(deriveTokenKeys(parsed.secret).signingSeed);
    const change = { op: 'push', namePath: vault.names.pathOf('ci'), root } as const;
    const log = new ForgedLog(credential.vaultId, entries).add(signer, change);
    await expectRefused(credential, log, /not certified, or no longer/);
  });
});
