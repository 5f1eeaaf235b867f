CREATE TABLE `invites` (
	`secret_hash` blob PRIMARY KEY NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `spent_challenges` (
	`replica` integer NOT NULL,
	`epoch` integer NOT NULL,
	`seq` integer NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`replica`, `epoch`, `seq`)
);
--> statement-breakpoint
CREATE INDEX `spent_challenges_by_expiry` ON `spent_challenges` (`expires_at`);--> statement-breakpoint
CREATE TABLE `standings` (
	`account_no` integer PRIMARY KEY NOT NULL,
	`paid_grants` integer DEFAULT 0 NOT NULL,
	`grant_days` integer DEFAULT 0 NOT NULL,
	`last_grant_day` integer DEFAULT 0 NOT NULL,
	`decision` text,
	`unanswered_ids` integer DEFAULT 0 NOT NULL,
	`unanswered_day` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`account_no`) REFERENCES `accounts`(`account_no`) ON UPDATE no action ON DELETE no action
);
