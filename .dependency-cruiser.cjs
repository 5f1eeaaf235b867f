// The doors of the house (docs/architecture.md): who may import whom, and the one importer of each package that touches the world.
const only = (name, pkg, files) => ({
  name: `one-importer-of-${name}`,
  severity: 'error',
  from: { path: '^src', pathNot: files },
  to: { path: `node_modules/${pkg}/` },
});

/** For a package that the build makes one file of (docs/decisions/0018-what-a-start-loads.md) and only one file may use. */
const usedBy = (file, user) => ({
  name: `one-user-of-${file}`,
  severity: 'error',
  from: { path: '^src', pathNot: `^src/${user}[.]ts$` },
  to: { path: `^src/${file}[.]ts$` },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^src' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'protocol-stands-alone',
      severity: 'error',
      from: { path: '^src/protocol' },
      to: { path: '^src/(client|cli|daemon)/' },
    },
    {
      name: 'client-knows-protocol',
      severity: 'error',
      from: { path: '^src/client' },
      to: { path: '^src/(cli|daemon)/' },
    },
    {
      name: 'daemon-knows-protocol',
      severity: 'error',
      from: { path: '^src/daemon' },
      to: { path: '^src/(cli|client)/' },
    },
    {
      name: 'cli-knows-no-daemon',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/embedded[.]ts$' },
      to: { path: '^src/daemon/' },
    },
    {
      name: 'packs-are-bytes',
      severity: 'error',
      from: { path: '^src/daemon/packs' },
      to: { path: '^src/daemon/(db|routes|app)|node_modules/(hono|drizzle-orm|better-sqlite3)/' },
    },
    {
      name: 'db-is-rows',
      severity: 'error',
      from: { path: '^src/daemon/db' },
      to: { path: '^src/daemon/(packs|routes|app)|node_modules/hono/' },
    },
    only('undici', 'undici', '^src/client/packages/undici[.]ts$'),
    usedBy('client/packages/undici', 'client/http-transport'),
    only('hpke', '@hpke', '^src/client/packages/hpke[.]ts$'),
    usedBy('client/packages/hpke', 'client/hpke-suite'),
    only('ignore', 'ignore', '^src/client/packages/ignore[.]ts$'),
    only('zod', 'zod', '^src/protocol/packages/zod[.]ts$'),
    only('cborg', 'cborg', '^src/protocol/packages/cborg[.]ts$'),
    only('chalk', 'chalk', '^src/cli/packages/chalk[.]ts$'),
    usedBy('cli/packages/chalk', 'cli/output'),
    only('commander', 'commander', '^src/(cli/packages/commander|daemon/(main|operator-commands))[.]ts$'),
    only('keytar', 'keytar|node_modules/@github/keytar', '^src/client/keychain-worker[.]ts$'),
    only('ora', 'ora', '^src/cli/output[.]ts$'),
    only('drizzle', 'drizzle-orm', '^src/daemon/db/'),
    only('better-sqlite3', 'better-sqlite3', '^src/daemon/db/'),
    only(
      'hono',
      'hono',
      '^src/daemon/(app|daemon-app|client-network|listen|authenticate|authorize|request-body|receive-upload|routes/.*)[.]ts$',
    ),
    only('koffi', 'koffi', '^src/client/system-calls[.]ts$'),
    only('zstd-napi', 'zstd-napi', '^src/client/zstd-native[.]ts$'),
    only('zstd-wasm', '@bokuweb/zstd-wasm', '^src/client/zstd-portable[.]ts$'),
    only('scrypt', 'scrypt-js', '^src/client/credential-file[.]ts$'),
    {
      name: 'no-dev-packages',
      severity: 'error',
      from: { path: '^src' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '@types' },
    },
    { name: 'known-packages', severity: 'error', from: { path: '^src' }, to: { couldNotResolve: true } },
    {
      name: 'kebab-case',
      severity: 'error',
      from: {},
      to: { path: '^src', pathNot: '^src/[a-z0-9/-]+[.](d[.])?ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
