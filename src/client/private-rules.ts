// Which files never leave the vault's own dedup domain (docs/format.md, "Dedup domains"): what is usually secret, and
// whatever the user adds. Patterns follow the rules of gitignore.
import ignore from 'ignore';

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

/** Bytes become characters one by one, so that names in any encoding match patterns in the same encoding. */
function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/**
 * A quick test that most paths fail: some component looks like the last one of a built-in pattern. Only what passes it is
 * put to the real rules, which cost some microseconds a path.
 */
function createQuickTest(): RegExp {
  const lastComponents = builtInPatterns.map((pattern) => pattern.replace(/\/$/, '').replace(/^.*\//, ''));
  const expressions = lastComponents.map((text) =>
    text.replaceAll(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '[^/]*'),
  );
  return new RegExp(`(?:^|/)(?:${expressions.join('|')})(?:/|$)`, 'i');
}

/**
 * Tells whether a file's content is private. `path` is relative with `/`, as in a manifest; the extra patterns come after
 * the built-in ones, so `!pattern` takes a file out again. Case does not matter.
 */
export function createPrivateRules(extraPatterns: readonly string[]): (path: Uint8Array) => boolean {
  const rules = ignore({ ignoreCase: true, allowRelativePaths: true });
  rules.add([...builtInPatterns]);
  rules.add(extraPatterns.map((pattern) => asText(Buffer.from(pattern, 'utf8'))));
  const quickTest = extraPatterns.length === 0 ? createQuickTest() : undefined;
  return (path) => {
    if (path.length === 0) return false;
    const text = asText(path);
    return quickTest?.test(text) !== false && rules.ignores(text);
  };
}
