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
  readonly pow: 'floor' | 'off';
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

/** Flags win over `JAYCLOUDD_…` variables; an empty variable counts as unset. */
export function parseConfig(
  flags: ConfigFlags,
  environment: Readonly<Record<string, string | undefined>>,
): ConfigResult {
  const faults: string[] = [];
  const setting = (flag: string | undefined, variable: string): string | undefined =>
    flag ?? (environment[variable] === '' ? undefined : environment[variable]);
  const dataDir = setting(flags.data, 'JAYCLOUDD_DATA') ?? '';
  if (dataDir === '') faults.push('give a data directory: --data DIR or JAYCLOUDD_DATA');
  const listen = parseListen(setting(flags.listen, 'JAYCLOUDD_LISTEN') ?? listenDefault, faults);
  const quotaBytes = parseQuota(setting(flags.quota, 'JAYCLOUDD_QUOTA'), faults);
  const pow = setting(flags.pow, 'JAYCLOUDD_POW') ?? 'floor';
  if (pow !== 'floor' && pow !== 'off') faults.push(`--pow is 'floor' or 'off', not '${pow}'`);
  const sessionTtlMs = parseSessionTtl(setting(flags.sessionTtl, 'JAYCLOUDD_SESSION_TTL') ?? sessionTtlDefault, faults);
  const tls = parseTls(
    setting(flags.tlsCert, 'JAYCLOUDD_TLS_CERT'),
    setting(flags.tlsKey, 'JAYCLOUDD_TLS_KEY'),
    faults,
  );
  const level = setting(flags.logLevel, 'JAYCLOUDD_LOG_LEVEL') ?? 'info';
  const logLevel = logLevels.find((known) => known === level);
  if (logLevel === undefined) faults.push(`--log-level is one of ${logLevels.join(', ')}, not '${level}'`);
  const allowHttp = flags.allowHttp ?? parseSwitch(environment.JAYCLOUDD_ALLOW_HTTP, faults);
  const isClear = listen !== undefined && !isLoopback(listen.host) && tls === null;
  if (isClear && !allowHttp) {
    faults.push(
      `'${listen.host}' is not a loopback address: give --tls-cert and --tls-key, or --allow-http to send credentials in the clear`,
    );
  }
  if (faults.length > 0 || listen === undefined || logLevel === undefined || (pow !== 'floor' && pow !== 'off')) {
    return { isValid: false, faults };
  }
  return { isValid: true, config: { dataDir, ...listen, quotaBytes, pow, sessionTtlMs, tls, logLevel, isClear } };
}

function parseListen(text: string, faults: string[]): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535 || (match?.[1] !== undefined && isIP(host) !== 6)) {
    faults.push(`--listen is HOST:PORT or [IPV6]:PORT, not '${text}'`);
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

function parseSwitch(text: string | undefined, faults: string[]): boolean {
  if (text === undefined || text === '' || text === '0') return false;
  if (text !== '1') faults.push(`JAYCLOUDD_ALLOW_HTTP is 1 or 0, not '${text}'`);
  return text === '1';
}
