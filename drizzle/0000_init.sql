CREATE TABLE `accounts` (
	`account_no` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`identity_public_key` blob NOT NULL,
	`recovery_public_key` blob NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_account_id_unique` ON `accounts` (`account_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_name_unique` ON `accounts` (`name`);--> statement-breakpoint
CREATE TABLE `blob_links` (
	`parent_no` integer NOT NULL,
	`child_no` integer NOT NULL,
	PRIMARY KEY(`parent_no`, `child_no`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `blobs` (
	`blob_no` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`blob_id` blob NOT NULL,
	`pack_no` integer NOT NULL,
	`offset_bytes` integer NOT NULL,
	`length_bytes` integer NOT NULL,
	`damaged` integer DEFAULT false NOT NULL,
	FOREIGN KEY (`pack_no`) REFERENCES `packs`(`pack_no`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `blobs_by_id` ON `blobs` (`blob_id`);--> statement-breakpoint
CREATE INDEX `blobs_by_pack` ON `blobs` (`pack_no`);--> statement-breakpoint
CREATE TABLE `credentials` (
	`account_no` integer PRIMARY KEY NOT NULL,
	`registration_record` text NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`account_no`) REFERENCES `accounts`(`account_no`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `grants` (
	`grant_id` text PRIMARY KEY NOT NULL,
	`account_no` integer NOT NULL,
	`purpose` text NOT NULL,
	`bytes_left` integer NOT NULL,
	`blobs_left` integer NOT NULL,
	`ids_left` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`account_no`) REFERENCES `accounts`(`account_no`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `grants_by_expiry` ON `grants` (`expires_at`);--> statement-breakpoint
CREATE TABLE `keyring_records` (
	`account_no` integer NOT NULL,
	`purpose` text NOT NULL,
	`envelope` blob NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`account_no`, `purpose`),
	FOREIGN KEY (`account_no`) REFERENCES `accounts`(`account_no`) ON UPDATE no action ON DELETE no action
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `log_entries` (
	`vault_no` integer NOT NULL,
	`seq` integer NOT NULL,
	`entry` blob NOT NULL,
	`signature` blob NOT NULL,
	`body` blob NOT NULL,
	`root_blob_no` integer,
	`received_at` integer NOT NULL,
	PRIMARY KEY(`vault_no`, `seq`),
	FOREIGN KEY (`vault_no`) REFERENCES `vaults`(`vault_no`) ON UPDATE no action ON DELETE no action
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `members` (
	`vault_no` integer NOT NULL,
	`account_no` integer NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`vault_no`, `account_no`),
	FOREIGN KEY (`vault_no`) REFERENCES `vaults`(`vault_no`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`account_no`) REFERENCES `accounts`(`account_no`) ON UPDATE no action ON DELETE no action
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `members_by_account` ON `members` (`account_no`);--> statement-breakpoint
CREATE TABLE `ownerships` (
	`vault_no` integer NOT NULL,
	`blob_no` integer NOT NULL,
	`renewed_at` integer NOT NULL,
	PRIMARY KEY(`vault_no`, `blob_no`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `ownerships_by_blob` ON `ownerships` (`blob_no`);--> statement-breakpoint
CREATE TABLE `packs` (
	`pack_no` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`pack_id` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `packs_pack_id_unique` ON `packs` (`pack_id`);--> statement-breakpoint
CREATE TABLE `sessions` (
	`session_id` text PRIMARY KEY NOT NULL,
	`account_no` integer NOT NULL,
	`secret_hash` blob NOT NULL,
	`label` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`account_no`) REFERENCES `accounts`(`account_no`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sessions_secret_hash_unique` ON `sessions` (`secret_hash`);--> statement-breakpoint
CREATE INDEX `sessions_by_expiry` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE TABLE `vaults` (
	`vault_no` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`vault_id` text NOT NULL,
	`public_key` blob NOT NULL,
	`owned_bytes` integer DEFAULT 0 NOT NULL,
	`head_seq` integer DEFAULT 0 NOT NULL,
	`head_hash` blob NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `vaults_vault_id_unique` ON `vaults` (`vault_id`);