import { scryptSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import scryptJs from 'scrypt-js';
import { afterAll, describe, expect, test } from 'vitest';
import { type CredentialFile, readCredentialFile, writeCredentialFile } from '../../src/client/credential-file.js';
import { makeTempDir, removeTempDirs } from '../helpers/programs.js';

afterAll(removeTempDirs);

const fileIn = (passphrase?: string, path = join(makeTempDir(), 'sub', 'credentials.json')): CredentialFile => ({
  path,
  passphrase,
  oldPassphrase: undefined,
});

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

  test.each([
    ['not JSON', '{'],
    ['another version', '{"version":2,"entries":{}}'],
    [
      'a weaker hash than the floor',
      JSON.stringify({ version: 1, kdf: { name: 'scrypt', logN: 10, r: 8, p: 1, salt: 'A'.repeat(43) }, sealed: '' }),
    ],
    [
      'a hash that would run for ever',
      JSON.stringify({ version: 1, kdf: { name: 'scrypt', logN: 30, r: 8, p: 1, salt: 'A'.repeat(43) }, sealed: '' }),
    ],
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
