CREATE TABLE `authors` (
	`vault_no` integer NOT NULL,
	`certificate_seq` integer NOT NULL,
	`public_key` blob NOT NULL,
	`entity_id` text NOT NULL,
	`ended_seq` integer,
	PRIMARY KEY(`vault_no`, `certificate_seq`),
	FOREIGN KEY (`vault_no`) REFERENCES `vaults`(`vault_no`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `authors_by_key` ON `authors` (`vault_no`,`public_key`);--> statement-breakpoint
CREATE TABLE `tokens` (
	`token_id` text PRIMARY KEY NOT NULL,
	`account_no` integer NOT NULL,
	`vault_no` integer NOT NULL,
	`owner_no` integer NOT NULL,
	`certificate_seq` integer NOT NULL,
	`secret_hash` blob NOT NULL,
	`bundle` blob NOT NULL,
	`used_bytes` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	`revoked` integer DEFAULT false NOT NULL,
	FOREIGN KEY (`account_no`) REFERENCES `accounts`(`account_no`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`vault_no`) REFERENCES `vaults`(`vault_no`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`owner_no`) REFERENCES `vaults`(`vault_no`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tokens_secret_hash_unique` ON `tokens` (`secret_hash`);--> statement-breakpoint
CREATE INDEX `tokens_by_vault` ON `tokens` (`vault_no`);--> statement-breakpoint
ALTER TABLE `log_entries` ADD `name_tag` blob;--> statement-breakpoint
CREATE INDEX `log_entries_by_name` ON `log_entries` (`vault_no`,`name_tag`) WHERE name_tag is not null;--> statement-breakpoint
ALTER TABLE `vaults` ADD `parent_no` integer;