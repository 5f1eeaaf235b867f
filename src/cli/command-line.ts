// The command line of jaycloud (docs/cli.md): builds the command tree and turns any outcome into an exit code.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClientError } from '../client/errors.js';
import {
  accountCommands,
  doctorCommand,
  keyCommand,
  passwdCommand,
  recoveryCommands,
  sessionCommand,
} from './define-account.js';
import {
  catCommand,
  forgetCommand,
  logCommand,
  lsCommand,
  pullCommand,
  pushCommand,
  rmCommand,
} from './define-snapshots.js';
import { tokenCommand } from './define-token.js';
import { explain } from './exit-codes.js';
import type { Output } from './output.js';
import { Command, CommanderError, InvalidArgumentError } from './packages/commander.js';
import type { GlobalFlags, Session } from './session.js';
import { readVersion } from './version.js';

/** Runs a command's work in a session of its own; what it resolves to is the exit code. */
export type Run = (command: Command, work: (session: Session) => Promise<number>) => Promise<void>;

const exitFailed = 1;
const exitUsage = 2;

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(?:\.\d+)?$/.test(text) || seconds > 86_400) throw new InvalidArgumentError('not a number of seconds');
  return seconds;
}

/** Flags of every command; they may stand before its name or behind it. */
function withGlobalFlags(command: Command): Command {
  return command
    .option('--server <url>', 'daemon (https://host:port) or local folder (file:///path)')
    .option('--profile <name>', 'which logins and settings to use')
    .option('--json', 'print one JSON object a line')
    .option('--quiet', 'print no progress and no notes')
    .option('--pow-max <seconds>', 'the most proof of work to pay for one request', parseSeconds)
    .option('--allow-http', 'use a daemon over the network without TLS');
}

function buildProgram(run: Run): Command {
  const program = withGlobalFlags(new Command('jaycloud'))
    .description('encrypted, deduplicated backups and artifacts')
    .version(readVersion(), '--version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', '\nExit codes and configuration: docs/cli.md');
  const commands = [
    ...accountCommands(run),
    passwdCommand(run),
    ...recoveryCommands(run),
    sessionCommand(run),
    pushCommand(run),
    pullCommand(run),
    lsCommand(run),
    logCommand(run),
    catCommand(run),
    rmCommand(run),
    keyCommand(run),
    tokenCommand(run),
    forgetCommand(run),
    doctorCommand(run),
  ];
  for (const command of commands) program.addCommand(command);
  const writeErr = (text: string) => {
    process.stderr.write(text.startsWith('error: ') ? `jaycloud: error: ${plainMessage(text)}\n` : text);
  };
  program.exitOverride().configureOutput({ writeErr });
  // Subcommands do not inherit these, nor do theirs.
  for (const command of descendantsOf(program)) {
    withGlobalFlags(command).helpOption('-h, --help', 'show help').exitOverride().configureOutput({ writeErr });
  }
  return program;
}

/** All commands below this one, `session` and `session list` alike. */
function descendantsOf(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** What commander says, in the form of our own messages: without its prefix and full stop. */
function plainMessage(text: string): string {
  return text
    .trimEnd()
    .replace(/^error: /, '')
    .replace(/[.]$/, '');
}

/** Runs one command line, without program and script; resolves to the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(async (command, work) => {
    exitCode = await runSession(command.optsWithGlobals(), work);
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (argv.includes('--json')) {
      const isNameless = error.code === 'commander.help';
      const message = isNameless ? 'a command is missing' : plainMessage(error.message);
      process.stdout.write(`${JSON.stringify({ type: 'error', code: 'usage', exit: exitUsage, message })}\n`);
    }
    return exitUsage;
  }
}

async function runSession(flags: GlobalFlags, work: (session: Session) => Promise<number>): Promise<number> {
  const interruption = new AbortController();
  const interrupt = () => {
    interruption.abort();
  };
  // `once`: a second signal ends the program the hard way.
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt).once('SIGHUP', interrupt);
  const stdout: { fault?: NodeJS.ErrnoException } = {};
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    stdout.fault ??= error;
    interrupt();
  });
  // Loaded here, because `--version` and `--help` need none of it.
  const [{ Output: OpenOutput }, { Session: OpenSession }] = await Promise.all([
    import('./output.js'),
    import('./session.js'),
  ]);
  const output = new OpenOutput({ json: flags.json ?? false, quiet: flags.quiet ?? false });
  let session: Session | undefined;
  try {
    session = new OpenSession(flags, output, interruption.signal);
    const exitCode = await work(session);
    // What a write came to is told a turn later.
    await nextTurn();
    return stdout.fault === undefined ? exitCode : reportLostOutput(output, stdout.fault);
  } catch (error) {
    return stdout.fault === undefined ? reportFailure(output, error) : reportLostOutput(output, stdout.fault);
  } finally {
    output.stopProgress();
    await session?.close().catch(() => undefined);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt);
  }
}

/** A reader that has seen enough (`| head`) is no fault; a disk without room is. */
function reportLostOutput(output: Output, fault: NodeJS.ErrnoException): number {
  if (fault.code === 'EPIPE') return 0;
  return reportFailure(output, new ClientError('failed', `standard output cannot be written: ${fault.message}`));
}

function reportFailure(output: Output, error: unknown): number {
  const explanation = explain(error);
  if (explanation !== undefined) {
    output.failure(explanation);
    return explanation.exit;
  }
  // A bug: the stack helps whoever reads the report.
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  output.failure({
    code: 'failed',
    exit: exitFailed,
    message: `this should not happen: ${stack}`,
    hint: 'please report it',
  });
  return exitFailed;
}
