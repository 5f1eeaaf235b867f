// The command lines of push, pull, ls, log, cat, rm and forget. What a command does is loaded when it is asked for.

import { parseDuration } from '../protocol/quantities.js';
import type { Run } from './command-line.js';
import type { ForgetFlags } from './commands/forget.js';
import type { PullFlags } from './commands/pull.js';
import type { PushFlags } from './commands/push.js';
import { Command, InvalidArgumentError, Option } from './packages/commander.js';

const collect = (value: string, before: readonly string[] = []) => [...before, value];

function parseTag(value: string, before: readonly string[] = []): string[] {
  if (value.length === 0 || value.length > 100) throw new InvalidArgumentError('a tag has 1 to 100 characters');
  return [...before, value];
}

export function pushCommand(run: Run): Command {
  return new Command('push')
    .alias('backup')
    .description('store files and folders as a new snapshot')
    .argument('<path...>', 'one folder (its contents are stored) or several files and folders')
    .option('--name <name>', 'name of the series of snapshots (default: HOST/FOLDER)')
    .option('--tag <tag>', 'label for this snapshot; may be given again', parseTag)
    .addOption(
      new Option('--dedup <reach>', 'who may share stored content with this push')
        .choices(['everyone', 'vault'])
        .default('everyone'),
    )
    .option('--private <pattern>', 'keep matching files to this vault (gitignore syntax); may be given again', collect)
    .option('--reread', 'read every file, even those that look unchanged')
    .action((paths: string[], flags: PushFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/push.js')).runPush(session, paths, flags)),
    );
}

export function pullCommand(run: Run): Command {
  return new Command('pull')
    .alias('restore')
    .description('bring a snapshot, or a part of one, back')
    .argument('<reference>', 'NAME[@VERSION][:PATH]')
    .argument('[dest]', "folder to write into (default: ./ and the name's last part)")
    .addOption(
      new Option('--overwrite <rule>', 'what to do where a file is there already')
        .choices(['never', 'if-changed', 'always'])
        .default('never'),
    )
    .option('--no-owner', 'do not restore owner and group (only root does)')
    .option('--keep-setuid', 'restore setuid and setgid bits of files')
    .action((reference: string, destination: string | undefined, flags: PullFlags, command: Command) =>
      run(command, async (session) =>
        (await import('./commands/pull.js')).runPull(session, reference, destination, flags),
      ),
    );
}

export function lsCommand(run: Run): Command {
  return new Command('ls')
    .description('list the names in the vault, or what a snapshot holds')
    .argument('[reference]', 'NAME[@VERSION][:PATH]')
    .action((reference: string | undefined, _flags: unknown, command: Command) =>
      run(command, async (session) => (await import('./commands/ls.js')).runLs(session, reference)),
    );
}

export function logCommand(run: Run): Command {
  return new Command('log')
    .description('list snapshots, newest first')
    .argument('[name]', 'only those of this name')
    .option('--authors', 'show who pushed each: which session or token, certified by whom')
    .action((name: string | undefined, flags: { authors?: boolean }, command: Command) =>
      run(command, async (session) =>
        (await import('./commands/log.js')).runLog(session, name, flags.authors ?? false),
      ),
    );
}

export function catCommand(run: Run): Command {
  return new Command('cat')
    .description('write one file of a snapshot to standard output')
    .argument('<reference>', 'NAME[@VERSION]:PATH')
    .action((reference: string, _flags: unknown, command: Command) =>
      run(command, async (session) => (await import('./commands/cat.js')).runCat(session, reference)),
    );
}

export function rmCommand(run: Run): Command {
  return new Command('rm')
    .description('delete a snapshot')
    .argument('<reference>', 'NAME@VERSION')
    .action((reference: string, _flags: unknown, command: Command) =>
      run(command, async (session) => (await import('./commands/rm.js')).runRm(session, reference)),
    );
}

const countMax = 1_000_000;

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count > countMax) throw new InvalidArgumentError('not a number of snapshots');
  return count;
}

/** `30d` and the like, in milliseconds. */
function parseSpan(text: string): number {
  const span = parseDuration(text);
  // `m` is minutes elsewhere, and somebody here would mean months.
  if (span === undefined || text.endsWith('m')) {
    throw new InvalidArgumentError('write a number with h, d, w or y, for example 30d');
  }
  return span;
}

export function forgetCommand(run: Run): Command {
  return new Command('forget')
    .description('delete the snapshots that a policy does not keep')
    .argument('[name]', 'only those of this name')
    .option('--all', 'those of every name')
    .option('--keep-last <n>', 'keep the last N', parseCount)
    .option('--keep-hourly <n>', 'keep the last one of each of N hours', parseCount)
    .option('--keep-daily <n>', 'keep the last one of each of N days', parseCount)
    .option('--keep-weekly <n>', 'keep the last one of each of N weeks', parseCount)
    .option('--keep-monthly <n>', 'keep the last one of each of N months', parseCount)
    .option('--keep-yearly <n>', 'keep the last one of each of N years', parseCount)
    .option('--keep-within <time>', 'keep what is younger than this, for example 30d', parseSpan)
    .option('--dry-run', 'show what would be deleted, and delete nothing')
    .action((name: string | undefined, flags: ForgetFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/forget.js')).runForget(session, name, flags)),
    );
}
