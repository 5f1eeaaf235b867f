// The tables (docs/storage.md, "Rows"). Row numbers (…_no) are internal; ids come from outside or leave it.
// drizzle/0000_init.sql makes keyring_records, members, log_entries, blob_links and ownerships WITHOUT ROWID by hand: the
// generator cannot say it, and their rows are found by primary key alone, so a second tree would only cost space.
import { sql } from 'drizzle-orm';
import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

const bytes = (name: string) => blob(name, { mode: 'buffer' });
const timeMs = (name: string) => integer(name).notNull();

export const accounts = sqliteTable('accounts', {
  accountNo: integer('account_no').primaryKey({ autoIncrement: true }),
  accountId: text('account_id').notNull().unique(),
  name: text('name').notNull().unique(),
  identityPublicKey: bytes('identity_public_key').notNull(),
  /** Lets a recovery key prove itself without a password. */
  recoveryPublicKey: bytes('recovery_public_key').notNull(),
  createdAt: timeMs('created_at'),
});

/** OPAQUE registration records: nothing in them is a password or can stand in for one. */
export const credentials = sqliteTable('credentials', {
  accountNo: integer('account_no')
    .primaryKey()
    .references(() => accounts.accountNo),
  registrationRecord: text('registration_record').notNull(),
  /** Argon2id of the password. The defaults are those of every account made before these columns. */
  stretchingMemoryKib: integer('stretching_memory_kib').notNull().default(65_536),
  stretchingIterations: integer('stretching_iterations').notNull().default(3),
  stretchingParallelism: integer('stretching_parallelism').notNull().default(4),
  updatedAt: timeMs('updated_at'),
});

/** Envelopes that only clients can open: the account root under password and recovery key, vault secrets under the root. */
export const keyringRecords = sqliteTable(
  'keyring_records',
  {
    accountNo: integer('account_no')
      .notNull()
      .references(() => accounts.accountNo),
    /** `root/password`, `root/recovery` or `vault/<vault id>`. */
    purpose: text('purpose').notNull(),
    envelope: bytes('envelope').notNull(),
    updatedAt: timeMs('updated_at'),
  },
  (table) => [primaryKey({ columns: [table.accountNo, table.purpose] })],
);

export const sessions = sqliteTable(
  'sessions',
  {
    sessionId: text('session_id').primaryKey(),
    accountNo: integer('account_no')
      .notNull()
      .references(() => accounts.accountNo),
    /** SHA-256 of the bearer secret. */
    secretHash: bytes('secret_hash').notNull().unique(),
    label: text('label').notNull(),
    createdAt: timeMs('created_at'),
    /** To the hour: reading costs no write. The migration that adds the column fills it with `created_at`. */
    lastUsedAt: timeMs('last_used_at').default(0),
    expiresAt: timeMs('expires_at'),
  },
  (table) => [index('sessions_by_expiry').on(table.expiresAt), index('sessions_by_account').on(table.accountNo)],
);

export const vaults = sqliteTable('vaults', {
  vaultNo: integer('vault_no').primaryKey({ autoIncrement: true }),
  /** Of a token that can only push: the vault it pushes to. Such a token owns what it stores apart, so that it learns nothing of the rest. */
  parentNo: integer('parent_no'),
  vaultId: text('vault_id').notNull().unique(),
  /** X25519 key that snapshot keys are sealed to. */
  publicKey: bytes('public_key').notNull(),
  /** Sum of the lengths of owned blobs, whoever else owns them: what the quota counts. */
  ownedBytes: integer('owned_bytes').notNull().default(0),
  headSeq: integer('head_seq').notNull().default(0),
  headHash: bytes('head_hash').notNull(),
  createdAt: timeMs('created_at'),
});

export const members = sqliteTable(
  'members',
  {
    vaultNo: integer('vault_no')
      .notNull()
      .references(() => vaults.vaultNo),
    accountNo: integer('account_no')
      .notNull()
      .references(() => accounts.accountNo),
    createdAt: timeMs('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.vaultNo, table.accountNo] }),
    index('members_by_account').on(table.accountNo),
  ],
);

export const logEntries = sqliteTable(
  'log_entries',
  {
    vaultNo: integer('vault_no')
      .notNull()
      .references(() => vaults.vaultNo),
    seq: integer('seq').notNull(),
    entry: bytes('entry').notNull(),
    signature: bytes('signature').notNull(),
    body: bytes('body').notNull(),
    /** Root of the manifest, while the snapshot lives; null for what is no push and for deleted snapshots. */
    rootBlobNo: integer('root_blob_no'),
    /** Of a push: `nameTagOf` its path. */
    nameTag: bytes('name_tag'),
    /** The daemon's clock and order decide, never a client's. */
    receivedAt: timeMs('received_at'),
  },
  (table) => [
    primaryKey({ columns: [table.vaultNo, table.seq] }),
    index('log_entries_by_name').on(table.vaultNo, table.nameTag).where(sql`name_tag is not null`),
  ],
);

/** Keys that the identity of a vault has certified: an index into the log, which holds the certificates. */
export const authors = sqliteTable(
  'authors',
  {
    vaultNo: integer('vault_no')
      .notNull()
      .references(() => vaults.vaultNo),
    /** Of the entry with the certificate. */
    certificateSeq: integer('certificate_seq').notNull(),
    publicKey: bytes('public_key').notNull(),
    /** Session id or token id. */
    entityId: text('entity_id').notNull(),
    /** Of the entry that took the certificate back; null while it holds. */
    endedSeq: integer('ended_seq'),
  },
  (table) => [
    primaryKey({ columns: [table.vaultNo, table.certificateSeq] }),
    uniqueIndex('authors_by_key').on(table.vaultNo, table.publicKey),
  ],
);

export const tokens = sqliteTable(
  'tokens',
  {
    tokenId: text('token_id').primaryKey(),
    accountNo: integer('account_no')
      .notNull()
      .references(() => accounts.accountNo),
    vaultNo: integer('vault_no')
      .notNull()
      .references(() => vaults.vaultNo),
    /** The vault that owns what this token stores: its own where it can only push. */
    ownerNo: integer('owner_no')
      .notNull()
      .references(() => vaults.vaultNo),
    certificateSeq: integer('certificate_seq').notNull(),
    /** SHA-256 of the bearer secret. */
    secretHash: bytes('secret_hash').notNull().unique(),
    /** Envelope that only the token opens. */
    bundle: bytes('bundle').notNull(),
    /** Logical bytes that the token has added. */
    usedBytes: integer('used_bytes').notNull().default(0),
    createdAt: timeMs('created_at'),
    lastUsedAt: integer('last_used_at'),
    revoked: integer('revoked', { mode: 'boolean' }).notNull().default(false),
  },
  (table) => [index('tokens_by_vault').on(table.vaultNo)],
);

export const packs = sqliteTable('packs', {
  packNo: integer('pack_no').primaryKey({ autoIncrement: true }),
  packId: text('pack_id').notNull().unique(),
  sizeBytes: integer('size_bytes').notNull(),
  createdAt: timeMs('created_at'),
});

export const blobs = sqliteTable(
  'blobs',
  {
    blobNo: integer('blob_no').primaryKey({ autoIncrement: true }),
    blobId: bytes('blob_id').notNull(),
    packNo: integer('pack_no')
      .notNull()
      .references(() => packs.packNo),
    /** Where the blob's bytes start in the pack, behind the record header. */
    offsetBytes: integer('offset_bytes').notNull(),
    lengthBytes: integer('length_bytes').notNull(),
    /** Set by a failed read or scrub: the blob counts as missing until somebody uploads it again. */
    damaged: integer('damaged', { mode: 'boolean' }).notNull().default(false),
  },
  (table) => [
    uniqueIndex('blobs_by_id').on(table.blobId),
    index('blobs_by_pack').on(table.packNo),
    // Empty while all is well: asking whether anything is damaged costs nothing.
    index('blobs_damaged').on(table.blobNo).where(sql`damaged = 1`),
  ],
);

/** The clear child lists of node blobs: what garbage collection walks without keys. */
export const blobLinks = sqliteTable(
  'blob_links',
  { parentNo: integer('parent_no').notNull(), childNo: integer('child_no').notNull() },
  (table) => [primaryKey({ columns: [table.parentNo, table.childNo] })],
);

export const ownerships = sqliteTable(
  'ownerships',
  {
    vaultNo: integer('vault_no').notNull(),
    blobNo: integer('blob_no').notNull(),
    /** Last upload, claim or query: garbage collection leaves young ones alone. */
    renewedAt: timeMs('renewed_at'),
  },
  (table) => [primaryKey({ columns: [table.vaultNo, table.blobNo] }), index('ownerships_by_blob').on(table.blobNo)],
);

export const grants = sqliteTable(
  'grants',
  {
    grantId: text('grant_id').primaryKey(),
    accountNo: integer('account_no')
      .notNull()
      .references(() => accounts.accountNo),
    purpose: text('purpose').notNull(),
    bytesLeft: integer('bytes_left').notNull(),
    blobsLeft: integer('blobs_left').notNull(),
    idsLeft: integer('ids_left').notNull(),
    expiresAt: timeMs('expires_at'),
  },
  (table) => [index('grants_by_expiry').on(table.expiresAt)],
);

/** What an account has done so far that makes it cheaper or dearer (docs/proof-of-work.md, "Tiers"). A row comes with the first grant. */
export const standings = sqliteTable('standings', {
  accountNo: integer('account_no')
    .primaryKey()
    .references(() => accounts.accountNo),
  paidGrants: integer('paid_grants').notNull().default(0),
  /** Different days, in UTC, on which grants were paid for. */
  grantDays: integer('grant_days').notNull().default(0),
  lastGrantDay: integer('last_grant_day').notNull().default(0),
  /** The operator's word, which wins: `established` or `new`; null where there is none. */
  decision: text('decision'),
  /** Ids asked about on this day that were neither owned, nor claimed, nor sent. */
  unansweredIds: integer('unanswered_ids').notNull().default(0),
  unansweredDay: integer('unanswered_day').notNull().default(0),
});

/** Invitations of the operator, each good for one registration. */
export const invites = sqliteTable('invites', {
  /** SHA-256 of the secret. */
  secretHash: bytes('secret_hash').primaryKey(),
  createdAt: timeMs('created_at'),
  expiresAt: timeMs('expires_at'),
});

/** Redeemed challenges, where several daemons share this database. */
export const spentChallenges = sqliteTable(
  'spent_challenges',
  {
    replica: integer('replica').notNull(),
    epoch: integer('epoch').notNull(),
    seq: integer('seq').notNull(),
    /** To the second, as the daemon that redeemed it saw it. */
    expiresAt: timeMs('expires_at'),
  },
  (table) => [
    primaryKey({ columns: [table.replica, table.epoch, table.seq] }),
    index('spent_challenges_by_expiry').on(table.expiresAt),
  ],
);
