import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findLogin, readSettings, writeLogin } from '../../src/client/config.js';
import { makeTempDir, removeTempDirs } from '../helpers/programs.js';

afterAll(removeTempDirs);

function environment(extra: Record<string, string> = {}): Record<string, string> {
  const home = makeTempDir();
  return { JAYCLOUD_CONFIG_DIR: join(home, 'config'), JAYCLOUD_DATA_DIR: join(home, 'data'), ...extra };
}

describe('readSettings', () => {
  test('takes flags over environment over the last login over the local default', () => {
    const env = environment();
    const byDefault = readSettings({}, env);
    expect(byDefault).toMatchObject({ isDefaultServer: true });
    expect(byDefault.server).toMatch(/^file:\/\/.*\/data\/vault$/);
    writeLogin(readSettings({ server: 'https://one.example' }, env), { account: 'ann', store: 'file' });
    expect(readSettings({}, env)).toMatchObject({ server: 'https://one.example', isDefaultServer: false });
    const other = { ...env, JAYCLOUD_SERVER: 'https://two.example:8787' };
    expect(readSettings({}, other).server).toBe('https://two.example:8787');
    expect(readSettings({ server: 'http://localhost:1' }, other).server).toBe('http://localhost:1');
    expect(readSettings({ profile: 'work' }, env).isDefaultServer).toBe(true);
  });

  test('a login of the local default does not pin its folder', () => {
    const env = environment();
    writeLogin(readSettings({}, env), { account: 'local', store: 'file' });
    expect(readSettings({}, { ...env, JAYCLOUD_DATA_DIR: '/elsewhere' }).server).toBe('file:///elsewhere/vault');
  });

  test('logins are kept by profile and server, and a forgotten one keeps its server', () => {
    const env = environment();
    const one = readSettings({ server: 'https://one.example' }, env);
    const two = readSettings({ server: 'https://two.example' }, env);
    writeLogin(one, { account: 'ann', store: 'keychain' });
    writeLogin(two, { account: 'bob', store: 'file' });
    expect(findLogin(one)).toEqual({ account: 'ann', store: 'keychain' });
    writeLogin(two, undefined);
    expect(findLogin(two)).toBeUndefined();
    expect(findLogin(one)?.account).toBe('ann');
    expect(readSettings({}, env).server).toBe('https://two.example');
  });

  test.each([
    ['http://storage.example', 'in the clear'],
    ['http://10.0.0.1:80', 'in the clear'],
    ['ftp://x.example', 'not an http:'],
    ['storage.example', 'not a URL'],
    ['https://user:pw@x.example', 'must be an origin'],
    ['https://x.example/path', 'must be an origin'],
    ['file://host/path', 'local folder'],
  ])('refuses %s', (server, message) => {
    expect(() => readSettings({ server }, environment())).toThrow(message);
  });

  test.each(['http://127.0.0.1:8787', 'http://[::1]:8787', 'http://localhost:1', 'https://x.example', 'file:///a/b'])(
    'takes %s',
    (server) => {
      expect(readSettings({ server }, environment()).server).toBe(server);
    },
  );

  test('takes plain HTTP over the network only when told to', () => {
    expect(readSettings({ server: 'http://storage.example', allowHttp: true }, environment()).server).toBe(
      'http://storage.example',
    );
  });

  test('refuses profiles and stores that cannot be meant', () => {
    expect(() => readSettings({ profile: '../x' }, environment())).toThrow('not a profile name');
    expect(() => readSettings({}, environment({ JAYCLOUD_CREDENTIAL_STORE: 'cloud' }))).toThrow('keychain or file');
  });

  test('a damaged config file is an error and not an empty one', () => {
    const env = environment();
    writeLogin(readSettings({}, env), { account: 'ann', store: 'file' });
    writeFileSync(join(env['JAYCLOUD_CONFIG_DIR'] ?? '', 'config.json'), '{"version":1,');
    expect(() => readSettings({}, env)).toThrow('is damaged');
  });
});
