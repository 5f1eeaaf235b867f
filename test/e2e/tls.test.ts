// The daemon with a certificate of its own (docs/operating.md): everything travels over TLS, and only to whom it is made out.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Daemon, Machine, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let certificate: string;

beforeAll(async () => {
  const folder = makeTempDir();
  certificate = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const subject = ['-subj', '/CN=jaycloud test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  daemon = await Daemon.start({ args: ['--tls-cert', certificate, '--tls-key', key] });
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

const env = () => ({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'a password' });

describe('a daemon with a certificate', () => {
  test('is used over TLS, large files and small ones', async () => {
    expect(daemon.url).toMatch(/^https:/);
    const machine = new Machine({ ...env(), NODE_EXTRA_CA_CERTS: certificate });
    await machine.summary(['register', 'tess']);
    const tree = makeTempDir();
    mkdirSync(join(tree, 'small'));
    writeFileSync(join(tree, 'large'), randomBytes(30_000_000));
    for (let at = 0; at < 500; at += 1) writeFileSync(join(tree, 'small', String(at)), randomBytes(200 + at));
    const pushed = await machine.summary(['push', tree, '--name', 'tree']);
    expect(pushed['bytesSent']).toBeGreaterThan(30_000_000);
    const out = join(machine.home, 'out');
    await machine.summary(['pull', 'tree', out]);
    expectSameContents(tree, out);
  });

  test('that nobody has vouched for is not used', { timeout: 60_000 }, async () => {
    const machine = new Machine(env());
    const error = await machine.summary(['register', 'tim'], 16);
    expect(error).toMatchObject({ type: 'error', code: 'unreachable' });
    expect(String(error['message'])).toContain('self-signed certificate');
  });
});
