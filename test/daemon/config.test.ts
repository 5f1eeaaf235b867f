// Flags and environment (docs/operating.md): checked whole, every fault told at once.
import { describe, expect, test } from 'vitest';
import { type Config, type ConfigFlags, parseConfig } from '../../src/daemon/config.js';

function configOf(flags: ConfigFlags, environment: Record<string, string> = {}): Config {
  const result = parseConfig({ data: '/data', ...flags }, environment);
  if (!result.isValid) throw new Error(result.faults.join('; '));
  return result.config;
}

function faultsOf(flags: ConfigFlags, environment: Record<string, string> = {}): readonly string[] {
  const result = parseConfig(flags, environment);
  return result.isValid ? [] : result.faults;
}

describe('parseConfig', () => {
  test('needs a data directory and nothing else', () => {
    expect(configOf({})).toEqual({
      dataDir: '/data',
      host: '127.0.0.1',
      port: 7878,
      quotaBytes: null,
      pow: 'adaptive',
      replay: 'local',
      isForwarded: false,
      dedupThreshold: 1,
      metrics: null,
      sessionTtlMs: 90 * 86_400_000,
      tls: null,
      logLevel: 'info',
      isClear: false,
    });
    expect(faultsOf({})).toHaveLength(1);
  });

  test('flags win over variables, and empty variables are none', () => {
    const environment = {
      JAYCLOUDD_DATA: '/other',
      JAYCLOUDD_LISTEN: '[::1]:0',
      JAYCLOUDD_QUOTA: '',
      JAYCLOUDD_POW: 'off',
    };
    expect(configOf({}, environment)).toMatchObject({
      dataDir: '/data',
      host: '::1',
      port: 0,
      quotaBytes: null,
      pow: 'off',
    });
    expect(configOf({ listen: 'localhost:81', pow: 'floor' }, environment)).toMatchObject({
      host: 'localhost',
      port: 81,
      pow: 'floor',
    });
  });

  test('reads sizes in binary units', () => {
    const sizes: [string, number][] = [
      ['0', 0],
      ['1234', 1234],
      ['5K', 5 * 1024],
      ['500M', 500 * 1024 ** 2],
      ['10GB', 10 * 1024 ** 3],
      ['2TiB', 2 * 1024 ** 4],
    ];
    for (const [quota, quotaBytes] of sizes) expect(configOf({ quota }).quotaBytes).toBe(quotaBytes);
    for (const quota of ['-1', '1.5G', '10X', 'G', '999999999999999T'])
      expect(faultsOf({ data: 'd', quota })).toHaveLength(1);
  });

  test('reads the life of a session, from a second to a year', () => {
    const lives: [string, number][] = [
      ['1s', 1000],
      ['30m', 30 * 60_000],
      ['12h', 12 * 3_600_000],
      ['1w', 7 * 86_400_000],
      ['365d', 365 * 86_400_000],
      ['31536000s', 365 * 86_400_000],
    ];
    for (const [sessionTtl, sessionTtlMs] of lives) expect(configOf({ sessionTtl }).sessionTtlMs).toBe(sessionTtlMs);
    expect(configOf({}, { JAYCLOUDD_SESSION_TTL: '2s' }).sessionTtlMs).toBe(2000);
    expect(configOf({ sessionTtl: '1h' }, { JAYCLOUDD_SESSION_TTL: '2s' }).sessionTtlMs).toBe(3_600_000);
    for (const sessionTtl of ['0s', '366d', '31536001s', '90', '1.5h', '-1d', '53w', '9999999999s', '']) {
      expect(faultsOf({ data: 'd', sessionTtl }), sessionTtl).toHaveLength(1);
    }
  });

  test('credentials travel over TLS or to loopback, unless told otherwise', () => {
    for (const listen of ['0.0.0.0:80', '[::]:80', 'example.test:80', '10.0.0.1:80']) {
      expect(faultsOf({ data: 'd', listen })).toHaveLength(1);
      expect(configOf({ listen, allowHttp: true }).isClear).toBe(true);
      expect(configOf({ listen }, { JAYCLOUDD_ALLOW_HTTP: '1' }).isClear).toBe(true);
      expect(configOf({ listen, tlsCert: 'c', tlsKey: 'k' })).toMatchObject({
        isClear: false,
        tls: { certPath: 'c', keyPath: 'k' },
      });
    }
    for (const listen of ['127.9.9.9:80', '[::1]:80', 'localhost:80']) expect(configOf({ listen }).isClear).toBe(false);
  });

  test('tells every fault at once', () => {
    const flags = { listen: 'x', quota: 'x', pow: 'x', sessionTtl: 'x', tlsCert: 'c', logLevel: 'x' };
    expect(faultsOf(flags, { JAYCLOUDD_ALLOW_HTTP: 'yes' })).toHaveLength(8);
    for (const listen of ['', ':80', '1.2.3.4', '1.2.3.4:65536', '::1:80', '[1.2.3.4]:80', 'a b:80', 'host:']) {
      expect(faultsOf({ data: 'd', listen })).toHaveLength(1);
    }
  });
});
