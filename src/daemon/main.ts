// jaycloudd (docs/operating.md): assemble, run, wait for a signal, close in reverse. Standard output carries one line,
// the address; logs and hints go to standard error.
import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError } from 'commander';
import { type Logger, pino } from 'pino';
import { type Config, type ConfigFlags, listenDefault, logLevels, parseConfig, sessionTtlDefault } from './config.js';
import { createDaemonApp } from './daemon-app.js';
import { listen } from './listen.js';
import { floorPrices, freePrices } from './prices.js';
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
  const command = (name: string, description: string, run: (config: Config) => Promise<number>): void => {
    withConfigFlags(program.command(name).description(description)).action(async (flags: ConfigFlags) => {
      const result = parseConfig(flags, process.env);
      if (result.isValid) {
        exitCode = await run(result.config);
        return;
      }
      for (const fault of result.faults) process.stderr.write(`jaycloudd: error: ${fault}\n`);
      exitCode = exitUsage;
    });
  };
  command('serve', 'serve a data directory over HTTP', serve);
  command('migrate', 'make or upgrade a data directory and stop', migrate);
  command('check-config', 'check flags and environment and stop', checkConfig);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitDone : exitUsage;
    process.stderr.write(`jaycloudd: error: ${describeFailure(error)}\n`);
    return exitFailed;
  }
}

/** What the system refuses (a port in use, a folder without rights) needs no stack; a bug does. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'syscall' in error ? error.message : (error.stack ?? error.message);
}

function withConfigFlags(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory, made on the first start (JAYCLOUDD_DATA)')
    .option('--listen <host:port>', `address; port 0 takes a free one (JAYCLOUDD_LISTEN, default ${listenDefault})`)
    .option('--quota <size>', 'bytes that one vault may own, such as 500M or 10G (JAYCLOUDD_QUOTA, default none)')
    .option('--pow <policy>', 'proof of work: floor or off (JAYCLOUDD_POW, default floor)')
    .option(
      '--session-ttl <time>',
      `how long a session lives after its last use, such as 12h or 30d (JAYCLOUDD_SESSION_TTL, default ${sessionTtlDefault})`,
    )
    .option('--tls-cert <file>', 'certificate chain, PEM (JAYCLOUDD_TLS_CERT)')
    .option('--tls-key <file>', 'private key, PEM (JAYCLOUDD_TLS_KEY)')
    .option('--log-level <level>', `one of ${logLevels.join(', ')} (JAYCLOUDD_LOG_LEVEL, default info)`)
    .option('--allow-http', 'listen beyond loopback without TLS (JAYCLOUDD_ALLOW_HTTP=1)');
}

/** Synchronous, so that the last lines of a dying process are not lost. */
function createLog(config: Config): Logger {
  return pino({ name: 'jaycloudd', level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
}

async function serve(config: Config): Promise<number> {
  const log = createLog(config);
  const signals = catchSignals();
  const { dataDir, quotaBytes, sessionTtlMs } = config;
  const services = await openServices({ dataDir, quotaBytes, sessionTtlMs, log });
  try {
    const prices = config.pow === 'off' ? freePrices() : floorPrices();
    const listener = await listen(await createDaemonApp(services, prices), config);
    if (config.isClear) log.warn('credentials travel in the clear: put TLS in front, or give --tls-cert and --tls-key');
    process.stdout.write(`${JSON.stringify({ type: 'listening', url: listener.url })}\n`);
    log.info({ url: listener.url, version: services.version }, 'listening');
    if (services.isNew) process.stderr.write(`jaycloud --server ${listener.url} register NAME\n`);
    await signals.stopping;
    log.info('stopping');
    await listener.stop(signals.atOnce);
    return exitDone;
  } finally {
    await services.close();
    signals.release();
    log.info('stopped');
  }
}

interface Signals {
  /** Resolves on the first signal. */
  readonly stopping: Promise<void>;
  /** Aborts on the second. */
  readonly atOnce: AbortSignal;
  release(): void;
}

function catchSignals(): Signals {
  const atOnce = new AbortController();
  let stop: () => void = () => undefined;
  let isStopping = false;
  const stopping = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const onSignal = (): void => {
    if (isStopping) atOnce.abort();
    isStopping = true;
    stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  const release = (): void => {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  };
  return { stopping, atOnce: atOnce.signal, release };
}

async function migrate(config: Config): Promise<number> {
  const log = createLog(config);
  const services = await openServices({ dataDir: config.dataDir, quotaBytes: config.quotaBytes, log });
  await services.close();
  log.info({ dataDir: config.dataDir }, 'the data directory is up to date');
  return exitDone;
}

function checkConfig(config: Config): Promise<number> {
  process.stdout.write(`${JSON.stringify({ type: 'config', ...config })}\n`);
  return Promise.resolve(exitDone);
}
