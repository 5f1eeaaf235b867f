import { scryptSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import scryptJs from 'scrypt-js';
import { afterAll, describe, expect, test } from 'vitest';
import { type CredentialFile, readCredentialFile, writeCredentialFile } from '../../src/client/credential-file.js';
import { sealEnvelope } from '../../src/client/envelope.js';
import { makeTempDir, removeTempDirs } from '../helpers/programs.js';

afterAll(removeTempDirs);

const fileIn = (passphrase?: string, path = join(makeTempDir(), 'sub', 'credentials.json')): CredentialFile => ({
  path,
  passphrase,
  oldPassphrase: undefined,
});

/** A file with one entry under the passphrase 'p', sealed by Node's own scrypt; `change` is told of it afterwards. */
function writeSealed(path: string, change: object): void {
  const salt = Buffer.alloc(32, 7).toString('base64url');
  const key = scryptSync('p', Buffer.alloc(32, 7), 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 });
  const sealed = sealEnvelope(key, 'credential-file', Buffer.from(salt), Buffer.from('{"a":"secret a"}'));
  const kdf = { name: 'scrypt', logN: 15, r: 8, p: 1, salt, ...change };
  writeFileSync(path, JSON.stringify({ version: 1, kdf, sealed: Buffer.from(sealed).toString('base64url') }));
}

describe('the credential file', () => {
  test('gives back what was written, forgets what was removed, and is its owner’s alone', async () => {
    const file = fileIn();
    await writeCredentialFile(file, 'a', 'secret a');
    await writeCredentialFile(file, 'b', 'secret b');
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect(await readCredentialFile(file, 'a')).toBe('secret a');
    await writeCredentialFile(file, 'a', undefined);
    expect(await readCredentialFile(file, 'a')).toBeUndefined();
    expect(await readCredentialFile(file, 'b')).toBe('secret b');
  });

  test('with a passphrase holds nothing readable and opens with that passphrase only', async () => {
    const file = fileIn('correct horse');
    await writeCredentialFile(file, 'entry name', 'the secret itself');
    const text = readFileSync(file.path, 'utf8');
    expect(text).not.toContain('secret itself');
    expect(text).not.toContain('entry name');
    expect(JSON.parse(text)).toMatchObject({ version: 1, kdf: { name: 'scrypt', logN: 17, r: 8, p: 1 } });
    expect(await readCredentialFile(file, 'entry name')).toBe('the secret itself');
    const wrong = readCredentialFile({ ...file, passphrase: 'wrong horse' }, 'entry name');
    await expect(wrong).rejects.toMatchObject({ name: 'ClientError', code: 'wrong-credential' });
    const none = readCredentialFile({ ...file, passphrase: undefined }, 'entry name');
    await expect(none).rejects.toMatchObject({ name: 'ClientError', code: 'not-logged-in' });
  });

  test('becomes encrypted when a passphrase is given later', async () => {
    const file = fileIn();
    await writeCredentialFile(file, 'a', 'secret a');
    await writeCredentialFile({ ...file, passphrase: 'p' }, 'b', 'secret b');
    expect(readFileSync(file.path, 'utf8')).not.toContain('secret a');
    expect(await readCredentialFile({ ...file, passphrase: 'p' }, 'a')).toBe('secret a');
  });

  test('keeps its salt while the passphrase is the same', async () => {
    const file = fileIn('p');
    await writeCredentialFile(file, 'a', 'secret a');
    const kdfOf = () => (JSON.parse(readFileSync(file.path, 'utf8')) as { kdf: unknown }).kdf;
    const before = kdfOf();
    await writeCredentialFile(file, 'b', 'secret b');
    expect(kdfOf()).toEqual(before);
    expect(await readCredentialFile(file, 'a')).toBe('secret a');
  });

  test('gets a new passphrase, or none, when the old one is given', async () => {
    const file = fileIn('first');
    await writeCredentialFile(file, 'a', 'secret a');
    const renewing = { ...file, passphrase: 'second', oldPassphrase: 'first' };
    expect(await readCredentialFile(renewing, 'a')).toBe('secret a');
    expect(await readCredentialFile({ ...file, passphrase: 'second' }, 'a')).toBe('secret a');
    await expect(readCredentialFile(file, 'a')).rejects.toMatchObject({ code: 'wrong-credential' });
    // Without either, an encrypted file is neither read nor written in the clear.
    const bare = { ...file, passphrase: undefined };
    await expect(writeCredentialFile(bare, 'b', 'secret b')).rejects.toMatchObject({ code: 'not-logged-in' });
    expect(await readCredentialFile({ ...bare, oldPassphrase: 'second' }, 'a')).toBe('secret a');
    expect(await readCredentialFile(bare, 'a')).toBe('secret a');
  });

  test('written with less work opens, and gets today’s work when it is written again', async () => {
    const file = fileIn('p', join(makeTempDir(), 'credentials.json'));
    writeSealed(file.path, {});
    expect(await readCredentialFile(file, 'a')).toBe('secret a');
    await writeCredentialFile(file, 'b', 'secret b');
    expect(JSON.parse(readFileSync(file.path, 'utf8'))).toMatchObject({ kdf: { logN: 17 } });
    expect(await readCredentialFile(file, 'a')).toBe('secret a');
  });

  test.each([
    ['a weaker hash than the floor', { logN: 14 }],
    ['a hash that would run for ever', { logN: 21 }],
    ['other blocks', { r: 9 }],
    ['no lanes', { p: 0 }],
    ['more lanes than the ceiling', { p: 5 }],
    ['a shorter salt', { salt: 'A'.repeat(42) }],
    ['another hash', { name: 'md5' }],
  ])('with %s is refused, although all else is right', async (_what, change) => {
    const file = fileIn('p', join(makeTempDir(), 'credentials.json'));
    writeSealed(file.path, change);
    await expect(readCredentialFile(file, 'a')).rejects.toMatchObject({ name: 'ClientError', code: 'failed' });
  });

  test.each([
    ['not JSON', '{'],
    ['another version', '{"version":2,"entries":{}}'],
  ])('that is damaged (%s) is refused with a hint and stays as it is', async (_what, content) => {
    const file = fileIn('p', join(makeTempDir(), 'credentials.json'));
    writeFileSync(file.path, content);
    await expect(readCredentialFile(file, 'a')).rejects.toMatchObject({ name: 'ClientError', code: 'failed' });
    await expect(writeCredentialFile(file, 'a', 'b')).rejects.toMatchObject({ code: 'failed' });
    expect(readFileSync(file.path, 'utf8')).toBe(content);
  });
});

describe('scrypt-js', () => {
  test('gives what Node’s own scrypt gives', async () => {
    for (const [password, salt] of [
      ['password', 'NaCl'],
      ['', ''],
      ['pässwörd', 'salt'],
    ] as const) {
      const mine = await scryptJs.scrypt(Buffer.from(password), Buffer.from(salt), 1024, 8, 2, 64);
      expect(Buffer.from(mine).equals(scryptSync(password, salt, 64, { N: 1024, r: 8, p: 2 }))).toBe(true);
    }
  });

  test('matches RFC 7914 section 12', async () => {
    const key = await scryptJs.scrypt(Buffer.from('password'), Buffer.from('NaCl'), 1024, 8, 16, 64);
    expect(Buffer.from(key).toString('hex')).toBe(
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162' +
        '2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    );
  });
});
