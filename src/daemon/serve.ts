// `jaycloudd serve`: assemble, run, wait for a signal, close in reverse. Standard output carries one line, the address; logs
// and hints go to standard error.
import { type Logger, pino } from 'pino';
import { AdmissionCounts } from './admission-counts.js';
import type { Config } from './config.js';
import { createDaemonApp } from './daemon-app.js';
import { listen } from './listen.js';
import { Monitor } from './monitor.js';
import { openServices } from './services.js';

/** Synchronous, so that the last lines of a dying process are not lost. */
export function createLog(config: Config): Logger {
  return pino({ name: 'jaycloudd', level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
}

/** Resolves when a signal has ended it. */
export async function serve(config: Config): Promise<void> {
  const log = createLog(config);
  const signals = catchSignals();
  const { dataDir, quotaBytes, sessionTtlMs, pow } = config;
  const services = await openServices({ dataDir, quotaBytes, sessionTtlMs, log, isDatabaseMapped: true });
  try {
    const counts = new AdmissionCounts();
    const daemon = await createDaemonApp(services, { ...config, isGuessingLimited: true }, counts);
    const monitor = new Monitor({ daemon, counts, log, dataDir, version: services.version, pow });
    const listener = await listen(daemon.app, config);
    const stopMetrics = await startMetrics(config, monitor, counts, log);
    monitor.start();
    if (config.isClear) log.warn('credentials travel in the clear: put TLS in front, or give --tls-cert and --tls-key');
    process.stdout.write(`${JSON.stringify({ type: 'listening', url: listener.url })}\n`);
    log.info({ url: listener.url, version: services.version }, 'listening');
    if (services.isNew) process.stderr.write(`jaycloud --server ${listener.url} register NAME\n`);
    await signals.stopping;
    log.info('stopping');
    daemon.close();
    await listener.stop(signals.atOnce);
    await stopMetrics();
    await monitor.stop();
  } finally {
    await services.close();
    signals.release();
    log.info('stopped');
  }
}

/** The package is loaded only where somebody asks for figures. */
async function startMetrics(
  { metrics }: Config,
  monitor: Monitor,
  counts: AdmissionCounts,
  log: Logger,
): Promise<() => Promise<void>> {
  if (metrics === null) return () => Promise.resolve();
  const { listenForMetrics } = await import('./metrics.js');
  const listener = await listenForMetrics({ figures: () => monitor.figures(), counts }, metrics);
  log.info({ url: listener.url }, 'metrics');
  return () => listener.stop();
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
