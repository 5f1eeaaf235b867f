// Built-in and added rules for private content (docs/format.md, "Dedup domains").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteTextOf } from '../../src/client/byte-text.js';
import { createPrivateRules } from '../../src/client/private-rules.js';

describe('createPrivateRules', () => {
  const isPrivate = createPrivateRules([]);

  it.each([
    '.ssh/config',
    'home/ann/.ssh/known_hosts',
    'x/.gnupg/private-keys-v1.d/a',
    '.aws/credentials',
    'app/.env',
    'app/.env.local',
    'server.pem',
    'tls/server.key',
    'id_ed25519',
    'keys/ID_RSA',
    'vault.kdbx',
    'coins/wallet.dat',
    'home/ann/.docker/config.json',
    'Users/ann/Library/Keychains/login.keychain-db',
    'home/ann/.bash_history',
    'etc/shadow',
  ])('keeps %s private', (path) => {
    expect(isPrivate(byteTextOf(path))).toBe(true);
  });

  it.each([
    '',
    'src/main.ts',
    'environment',
    'ssh/config',
    'key',
    'keys/readme.txt',
    'identity.txt',
    '..',
    'a/./b',
    '/abs',
  ])('leaves %j alone', (path) => {
    expect(isPrivate(byteTextOf(path))).toBe(false);
  });

  it('adds the patterns of the user, and lets them take files out', () => {
    const added = createPrivateRules(['/tax/', '*.ödt', '!*.pem', '# a comment', '']);
    expect(added(byteTextOf('tax/2025.pdf'))).toBe(true);
    expect(added(byteTextOf('old/tax/2025.pdf'))).toBe(false);
    expect(added(byteTextOf('x/brief.ödt'))).toBe(true);
    expect(added(byteTextOf('server.pem'))).toBe(false);
    expect(added(byteTextOf('server.key'))).toBe(true);
  });

  it('matches names that are no UTF-8', () => {
    expect(isPrivate('\xff\xfe.key')).toBe(true);
    expect(isPrivate('\n\r/id_x')).toBe(true);
  });
});

describe('the quick test in front of the built-in rules', () => {
  it('never decides differently from the rules themselves', () => {
    // With an extra pattern that matches nothing, every path is put to the real rules.
    const quick = createPrivateRules([]);
    const real = createPrivateRules(['matches-nothing-at-all']);
    const component = fc.constantFrom(
      ...[
        '.ssh',
        '.SSH',
        'id_rsa',
        'xid_rsa',
        '.env',
        '.env.local',
        'a.env',
        'server.pem',
        'pem',
        '.docker',
        'config.json',
      ],
      ...['.config', 'gcloud', 'gh', 'src', 'a.key', 'key', 'wallet.dat', 'x.kdbx', 'Keychains', 'Library', 'main.ts'],
    );
    fc.assert(
      fc.property(fc.array(component, { minLength: 1, maxLength: 5 }), (components) => {
        const path = byteTextOf(components.join('/'));
        expect(quick(path)).toBe(real(path));
      }),
      { numRuns: 2000 },
    );
  });
});
