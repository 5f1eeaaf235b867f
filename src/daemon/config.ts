// Flags and environment to a checked configuration (docs/operating.md). Every fault is reported at once; no other file
// of the daemon reads the environment.
import { isIP } from 'node:net';
import { parseByteSize, parseDuration } from '../protocol/quantities.js';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Config {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  /** Null: no quota. */
  readonly quotaBytes: number | null;
  readonly pow: 'adaptive' | 'floor' | 'off';
  /** Where redeemed challenges are remembered: `shared` where several daemons serve one data directory. */
  readonly replay: 'local' | 'shared';
  /** The client's address is the last one in `X-Forwarded-For`. */
  readonly isForwarded: boolean;
  /** A blob of others shows from a secret number of owners on, from 1 to this. */
  readonly dedupThreshold: number;
  /** Where Prometheus asks; null for nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** How long a session lives after its last use. */
  readonly sessionTtlMs: number;
  readonly tls: { readonly certPath: string; readonly keyPath: string } | null;
  readonly logLevel: LogLevel;
  /** True where credentials travel in the clear because --allow-http says so. */
  readonly isClear: boolean;
}

/** What commander leaves of the flags. */
export interface ConfigFlags {
  readonly data?: string | undefined;
  readonly listen?: string | undefined;
  readonly quota?: string | undefined;
  readonly pow?: string | undefined;
  readonly replay?: string | undefined;
  readonly forwardedFor?: boolean | undefined;
  readonly dedupThreshold?: string | undefined;
  readonly metrics?: string | undefined;
  readonly sessionTtl?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly allowHttp?: boolean | undefined;
}

export type ConfigResult =
  | { readonly isValid: true; readonly config: Config }
  | { readonly isValid: false; readonly faults: readonly string[] };

export const listenDefault = '127.0.0.1:7878';
export const sessionTtlDefault = '90d';

type Environment = Readonly<Record<string, string | undefined>>;
type Setting = (flag: string | undefined, variable: string) => string | undefined;

export const dedupThresholdMax = 1000;

type Admission = Pick<Config, 'pow' | 'replay' | 'isForwarded' | 'dedupThreshold' | 'metrics'>;

function parseAdmission(flags: ConfigFlags, setting: Setting, environment: Environment, faults: string[]): Admission {
  const choice = <T extends string>(flag: string, text: string, choices: readonly [T, ...T[]]): T => {
    const found = choices.find((known) => known === text);
    if (found === undefined) faults.push(`${flag} is one of ${choices.join(', ')}, not '${text}'`);
    return found ?? choices[0];
  };
  const pow = choice('--pow', setting(flags.pow, 'JAYCLOUDD_POW') ?? 'adaptive', ['adaptive', 'floor', 'off']);
  const replay = choice('--replay', setting(flags.replay, 'JAYCLOUDD_REPLAY') ?? 'local', ['local', 'shared']);
  const isForwarded = flags.forwardedFor ?? parseSwitch('JAYCLOUDD_FORWARDED_FOR', environment, faults);
  const threshold = setting(flags.dedupThreshold, 'JAYCLOUDD_DEDUP_THRESHOLD') ?? '1';
  const dedupThreshold = /^[1-9][0-9]{0,3}$/.test(threshold) ? Number(threshold) : Number.NaN;
  if (!(dedupThreshold <= dedupThresholdMax)) {
    faults.push(
      `--dedup-threshold is a number from 1, which is off, to ${String(dedupThresholdMax)}, not '${threshold}'`,
    );
  }
  const text = setting(flags.metrics, 'JAYCLOUDD_METRICS');
  const metrics = text === undefined ? null : (parseListen('--metrics', text, faults) ?? null);
  return { pow, replay, isForwarded, dedupThreshold, metrics };
}

/** Flags win over `JAYCLOUDD_…` variables; an empty variable counts as unset. */
export function parseConfig(flags: ConfigFlags, environment: Environment): ConfigResult {
  const faults: string[] = [];
  const setting: Setting = (flag, variable) =>
    flag ?? (environment[variable] === '' ? undefined : environment[variable]);
  const dataDir = setting(flags.data, 'JAYCLOUDD_DATA') ?? '';
  if (dataDir === '') faults.push('give a data directory: --data DIR or JAYCLOUDD_DATA');
  const listen = parseListen('--listen', setting(flags.listen, 'JAYCLOUDD_LISTEN') ?? listenDefault, faults);
  const quotaBytes = parseQuota(setting(flags.quota, 'JAYCLOUDD_QUOTA'), faults);
  const admission = parseAdmission(flags, setting, environment, faults);
  const sessionTtlMs = parseSessionTtl(setting(flags.sessionTtl, 'JAYCLOUDD_SESSION_TTL') ?? sessionTtlDefault, faults);
  const tls = parseTls(
    setting(flags.tlsCert, 'JAYCLOUDD_TLS_CERT'),
    setting(flags.tlsKey, 'JAYCLOUDD_TLS_KEY'),
    faults,
  );
  const level = setting(flags.logLevel, 'JAYCLOUDD_LOG_LEVEL') ?? 'info';
  const logLevel = logLevels.find((known) => known === level);
  if (logLevel === undefined) faults.push(`--log-level is one of ${logLevels.join(', ')}, not '${level}'`);
  const allowHttp = flags.allowHttp ?? parseSwitch('JAYCLOUDD_ALLOW_HTTP', environment, faults);
  const isClear = listen !== undefined && !isLoopback(listen.host) && tls === null;
  if (isClear && !allowHttp) {
    faults.push(
      `'${listen.host}' is not a loopback address: give --tls-cert and --tls-key, or --allow-http to send credentials in the clear`,
    );
  }
  if (faults.length > 0 || listen === undefined || logLevel === undefined) {
    return { isValid: false, faults };
  }
  return {
    isValid: true,
    config: { dataDir, ...listen, quotaBytes, ...admission, sessionTtlMs, tls, logLevel, isClear },
  };
}

function parseListen(flag: string, text: string, faults: string[]): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535 || (match?.[1] !== undefined && isIP(host) !== 6)) {
    faults.push(`${flag} is HOST:PORT or [IPV6]:PORT, not '${text}'`);
    return undefined;
  }
  return { host, port };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function parseQuota(text: string | undefined, faults: string[]): number | null {
  if (text === undefined) return null;
  const quotaBytes = parseByteSize(text);
  if (quotaBytes !== undefined) return quotaBytes;
  faults.push(`--quota is a size such as 500M or 10G, not '${text}'`);
  return null;
}

const sessionTtlMaxMs = 365 * 86_400_000;

function parseSessionTtl(text: string, faults: string[]): number {
  const sessionTtlMs = parseDuration(text);
  if (sessionTtlMs !== undefined && sessionTtlMs <= sessionTtlMaxMs) return sessionTtlMs;
  faults.push(`--session-ttl is a time from 1s to 365d, such as 12h, not '${text}'`);
  return Number.NaN;
}

function parseTls(certPath: string | undefined, keyPath: string | undefined, faults: string[]): Config['tls'] {
  if (certPath !== undefined && keyPath !== undefined) return { certPath, keyPath };
  if (certPath !== undefined || keyPath !== undefined) faults.push('--tls-cert and --tls-key belong together');
  return null;
}

function parseSwitch(variable: string, environment: Environment, faults: string[]): boolean {
  const text = environment[variable] ?? '';
  if (text === '' || text === '0') return false;
  if (text !== '1') faults.push(`${variable} is 1 or 0, not '${text}'`);
  return text === '1';
}
