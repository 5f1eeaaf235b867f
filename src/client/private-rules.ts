// Which files never leave the vault's own dedup domain (docs/format.md, "Dedup domains"): what is usually secret, and
// whatever the user adds. Patterns follow the rules of gitignore.

import { type ByteText, byteTextOf } from './byte-text.js';
import { ignore } from './packages/ignore.js';

/** Short secrets with a known shape are what confirmed guesses would find: keys, passwords, wallets, histories. */
const builtInPatterns: readonly string[] = [
  '.ssh/',
  '.gnupg/',
  '.aws/',
  '.azure/',
  '.kube/',
  '**/.docker/config.json',
  '**/.config/gcloud/',
  '**/.config/gh/',
  '.password-store/',
  '**/.local/share/keyrings/',
  '**/Library/Keychains/',
  '.env*',
  '.netrc',
  '.pgpass',
  '.npmrc',
  '.pypirc',
  '.git-credentials',
  '.htpasswd',
  '*_history',
  '*.pem',
  '*.key',
  '*.p12',
  '*.pfx',
  '*.jks',
  '*.keystore',
  '*.ppk',
  '*.asc',
  '*.gpg',
  'id_*',
  '*.kdb',
  '*.kdbx',
  '*.agilekeychain/',
  '*.opvault/',
  '*.keychain',
  '*.keychain-db',
  '*.ovpn',
  'wallet.dat',
  '*.wallet',
  '.bitcoin/',
  '.ethereum/',
  '.electrum/',
  'shadow',
  'shadow-',
  'gshadow',
  'gshadow-',
];

/**
 * A quick test that most paths fail: some component looks like the last one of a built-in pattern. Only what passes it is
 * put to the real rules, which cost some microseconds a path. Paths come folder by folder, so the answer for a folder is kept.
 */
function createQuickTest(): (path: ByteText) => boolean {
  const lastComponents = builtInPatterns.map((pattern) => pattern.replace(/\/$/, '').replace(/^.*\//, ''));
  const expressions = lastComponents.map((text) =>
    text.replaceAll(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '[^/]*'),
  );
  const pattern = new RegExp(`(?:^|/)(?:${expressions.join('|')})(?:/|$)`, 'i');
  let folder = '';
  let isFolderLike = false;
  return (path) => {
    const nameAt = path.lastIndexOf('/') + 1;
    if (nameAt !== folder.length || !path.startsWith(folder)) {
      folder = path.slice(0, nameAt);
      isFolderLike = pattern.test(folder);
    }
    return isFolderLike || pattern.test(path.slice(nameAt));
  };
}

/**
 * Tells whether a file's content is private. `path` is relative with `/`, as in a manifest; the extra patterns come after
 * the built-in ones, so `!pattern` takes a file out again. Case does not matter.
 */
export function createPrivateRules(extraPatterns: readonly string[]): (path: ByteText) => boolean {
  const rules = ignore({ ignoreCase: true, allowRelativePaths: true });
  rules.add([...builtInPatterns]);
  // Bytes stand as characters in patterns too, so that names in any encoding match patterns in the same encoding.
  rules.add(extraPatterns.map(byteTextOf));
  const quickTest = extraPatterns.length === 0 ? createQuickTest() : undefined;
  return (path) => {
    if (path.length === 0) return false;
    return quickTest?.(path) !== false && rules.ignores(path);
  };
}
