ALTER TABLE `credentials` ADD `stretching_memory_kib` integer DEFAULT 65536 NOT NULL;--> statement-breakpoint
ALTER TABLE `credentials` ADD `stretching_iterations` integer DEFAULT 3 NOT NULL;--> statement-breakpoint
ALTER TABLE `credentials` ADD `stretching_parallelism` integer DEFAULT 4 NOT NULL;--> statement-breakpoint
ALTER TABLE `sessions` ADD `last_used_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `sessions_by_account` ON `sessions` (`account_no`);
--> statement-breakpoint
UPDATE `sessions` SET `last_used_at` = `created_at`;
