// Lists of tokens (docs/protocol.md, "listTokens"): the daemon's word is held against the log, also while others write to it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSettings } from '../../src/client/config.js';
import type { Credential } from '../../src/client/credentials.js';
import { appendSnapshot } from '../../src/client/snapshots.js';
import { createToken, listTokens, revokeCertificates } from '../../src/client/tokens.js';
import { openVault } from '../../src/client/vault.js';
import { VaultLog } from '../../src/client/vault-log.js';
import { toHex } from '../../src/protocol/bytes.js';
import { type AccountDaemon, openAccountDaemon } from '../helpers/account-daemon.js';

let daemon: AccountDaemon;
const homes: string[] = [];

beforeAll(async () => {
  daemon = await openAccountDaemon();
});

afterAll(async () => {
  await daemon.close();
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

/** The log as one process of the account reads it. */
function openLog(credential: Credential): Promise<VaultLog> {
  const home = mkdtempSync(join(tmpdir(), 'jaycloud-tokens-'));
  homes.push(home);
  const folders = { JAYCLOUD_CONFIG_DIR: home, JAYCLOUD_CACHE_DIR: join(home, 'cache') };
  const settings = readSettings({ server: 'http://localhost' }, folders);
  return VaultLog.read(openVault(settings, credential, daemon.api()));
}

const options = { label: '', scopes: ['push'], prefix: '', lifeMs: 0, quotaBytes: 0, isPushOnly: true } as const;

/** Others do `work` when the daemon has made its list, and before the log is read again. */
function whileListed(log: VaultLog, work: () => Promise<unknown>): void {
  const { api } = log.vault;
  const ask = api.listTokens.bind(api);
  api.listTokens = async () => {
    const answer = await ask();
    await work();
    return answer;
  };
}

test('a token that somebody makes or ends while the list is read is no contradiction', async () => {
  const { credential } = await daemon.register('ann');
  const elsewhere = await openLog(credential);
  const first = await createToken(elsewhere, options);
  const log = await openLog(credential);
  whileListed(log, async () => {
    await createToken(elsewhere, options);
    await revokeCertificates(elsewhere, ({ id }) => toHex(id) === first.id);
  });
  expect(await listTokens(log)).toMatchObject([{ id: first.id, isEnded: true }]);
});

test('a token that is left out, or a session in its place, is refused', async () => {
  const { credential } = await daemon.register('bea');
  const log = await openLog(credential);
  await createToken(log, options);
  const { api } = log.vault;
  const { tokens } = await api.listTokens();
  api.listTokens = () => Promise.resolve({ tokens: [] });
  await expect(listTokens(log)).rejects.toMatchObject({
    code: 'integrity',
    message: 'the daemon leaves out tokens that the vault log has',
  });
  const counts = { files: 0, directories: 0, symlinks: 0, bytes: 0 };
  const about = { name: 'n', timeMs: 0, host: '', tags: [], counts, sources: [], partial: false };
  const root = { id: new Uint8Array(32), key: new Uint8Array(32) };
  // The push is refused for want of its root; the session has been certified for it by then.
  await expect(appendSnapshot(log, { root, ...about })).rejects.toMatchObject({ code: 'root-missing' });
  const session = log.lines.at(-1)?.entry;
  if (session?.change.op !== 'certify') throw new Error('the session is not certified');
  const { id } = session.change.certificate;
  const lie = { ...tokens[0], id: toHex(id), certificateSeq: session.seq };
  api.listTokens = () => Promise.resolve({ tokens: [...tokens, lie as (typeof tokens)[number]] });
  await expect(listTokens(log)).rejects.toMatchObject({
    code: 'integrity',
    message: `token ${toHex(id)} is not in the vault log`,
  });
});
