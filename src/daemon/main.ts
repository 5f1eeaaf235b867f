// jaycloudd (docs/operating.md): its commands, their flags and how they end.
import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError } from 'commander';
import { type Config, type ConfigFlags, listenDefault, logLevels, parseConfig, sessionTtlDefault } from './config.js';
import { DriverMissingError, driverMissingHint } from './db/connection.js';
import { addOperatorCommands, OperatorError } from './operator-commands.js';
import { createLog, serve } from './serve.js';
import { openServices } from './services.js';
import { readVersion } from './version.js';

const exitDone = 0;
const exitFailed = 1;
const exitUsage = 2;

/** Runs one command; `argv` is without program and script. Returns the exit code: 0 done, 1 failed, 2 usage. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = exitDone;
  // The heap is small, but uploads pass through as buffers that V8 counts with it: at its usual pace it would mark the whole
  // heap fifty times a GiB (decision 0011).
  setFlagsFromString('--heap-growing-percent=400');
  // Whatever the daemon makes is for its own user alone.
  process.umask(0o077);
  const program = new Command('jaycloudd')
    .description('the JayCloud storage daemon: it keeps encrypted blobs and never sees what is in them')
    .version(readVersion())
    .exitOverride();
  const command = (name: string, description: string, run: (config: Config) => Promise<void>): void => {
    withConfigFlags(program.command(name).description(description)).action(async (flags: ConfigFlags) => {
      const result = parseConfig(flags, process.env);
      if (result.isValid) {
        await run(result.config);
        return;
      }
      for (const fault of result.faults) process.stderr.write(`jaycloudd: error: ${fault}\n`);
      exitCode = exitUsage;
    });
  };
  command('serve', 'serve a data directory over HTTP', serve);
  command('migrate', 'make or upgrade a data directory and stop', migrate);
  command('check-config', 'check flags and environment and stop', checkConfig);
  addOperatorCommands(program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitDone : exitUsage;
    process.stderr.write(`jaycloudd: error: ${describeFailure(error)}\n`);
    if (error instanceof DriverMissingError) process.stderr.write(`jaycloudd: hint: ${driverMissingHint}\n`);
    return error instanceof OperatorError && error.isUsage ? exitUsage : exitFailed;
  }
}

/** What the system refuses (a port in use, a folder without rights) needs no stack; a bug does. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof OperatorError || error instanceof DriverMissingError) return error.message;
  return 'syscall' in error ? error.message : (error.stack ?? error.message);
}

function withConfigFlags(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory, made on the first start (JAYCLOUDD_DATA)')
    .option('--listen <host:port>', `address; port 0 takes a free one (JAYCLOUDD_LISTEN, default ${listenDefault})`)
    .option('--quota <size>', 'bytes that one vault may own, such as 500M or 10G (JAYCLOUDD_QUOTA, default none)')
    .option('--pow <policy>', 'proof of work: adaptive, floor or off (JAYCLOUDD_POW, default adaptive)')
    .option(
      '--replay <where>',
      'where spent challenges are kept: local, or shared by several daemons (JAYCLOUDD_REPLAY)',
    )
    .option('--forwarded-for', 'take client addresses from X-Forwarded-For of a proxy (JAYCLOUDD_FORWARDED_FOR=1)')
    .option(
      '--dedup-threshold <n>',
      'a blob of others shows from a secret number of owners on, 1 to n (JAYCLOUDD_DEDUP_THRESHOLD, default 1: off)',
    )
    .option('--metrics <host:port>', 'serve figures for Prometheus there (JAYCLOUDD_METRICS, default nowhere)')
    .option(
      '--session-ttl <time>',
      `how long a session lives after its last use, such as 12h or 30d (JAYCLOUDD_SESSION_TTL, default ${sessionTtlDefault})`,
    )
    .option('--tls-cert <file>', 'certificate chain, PEM (JAYCLOUDD_TLS_CERT)')
    .option('--tls-key <file>', 'private key, PEM (JAYCLOUDD_TLS_KEY)')
    .option('--log-level <level>', `one of ${logLevels.join(', ')} (JAYCLOUDD_LOG_LEVEL, default info)`)
    .option('--allow-http', 'listen beyond loopback without TLS (JAYCLOUDD_ALLOW_HTTP=1)');
}

async function migrate(config: Config): Promise<void> {
  const log = createLog(config);
  const services = await openServices({ dataDir: config.dataDir, quotaBytes: config.quotaBytes, log });
  await services.close();
  log.info({ dataDir: config.dataDir }, 'the data directory is up to date');
}

function checkConfig(config: Config): Promise<void> {
  process.stdout.write(`${JSON.stringify({ type: 'config', ...config })}\n`);
  return Promise.resolve();
}
