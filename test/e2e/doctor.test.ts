// doctor: what it finds, that it changes nothing, and that it never waits for ever.
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  Daemon,
  jsonLines,
  lastJson,
  Machine,
  machineOf,
  makeTempDir,
  type Outcome,
  powerless,
  removeTempDirs,
} from '../helpers/programs.js';

let daemon: Daemon;

beforeAll(async () => {
  daemon = await Daemon.start();
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

const noBus = { DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: '' };

/** The state and the message of each check; they have nothing but the documented fields. */
function checksOf(outcome: Outcome): Map<string, string> {
  const lines = jsonLines(outcome);
  expect(lines.at(-1)).toMatchObject({ type: 'summary', checks: lines.length - 1 });
  return new Map(
    lines.slice(0, -1).map(({ type, check, state, message, hint, ...others }) => {
      expect({ type, others }).toEqual({ type: 'check', others: {} });
      expect(['string', 'undefined']).toContain(typeof hint);
      expect(message).toMatch(/^[^\n]+[^.\n]$/);
      return [String(check), `${String(state)} ${String(message)}`];
    }),
  );
}

describe('on a fresh machine', () => {
  test('nothing fails, and nothing is made', async () => {
    const machine = new Machine({ ...noBus, JAYCLOUD_CREDENTIAL_STORE: '' });
    const outcome = await machine.run(['doctor', '--json']);
    expect(outcome).toMatchObject({ exit: 0, stderr: '' });
    const checks = checksOf(outcome);
    expect(checks.get('vault')).toMatch(/^note there is no local vault yet/);
    expect(checks.get('login')).toMatch(/^note nobody is logged in/);
    expect(checks.get('keychain')).toMatch(/^note it cannot be used: there is no D-Bus session/);
    expect(checks.get('server')).toContain('nothing else is configured');
    expect(readdirSync(machine.home)).toEqual([]);
    expect((await machine.run(['doctor'])).stdout).toMatch(/^ok {4}program: jaycloud [^]*\nnothing is wrong\n$/);
  });

  test('a vault and its keys are found without being opened', async () => {
    const machine = new Machine(noBus);
    const tree = makeTempDir();
    writeFileSync(join(tree, 'file'), 'content');
    await machine.summary(['push', tree]);
    const before = readdirSync(machine.home, { recursive: true });
    const checks = checksOf(await machine.run(['doctor', '--json']));
    expect(checks.get('vault')).toMatch(/^ok /);
    expect(checks.get('login')).toMatch(/^ok the keys of 'local'/);
    expect(readdirSync(machine.home, { recursive: true })).toEqual(before);
  });
});

describe('with a daemon', () => {
  test('the login, its end and its place are told, and no secret', async () => {
    const machine = await machineOf(daemon, 'patient', 'register', 'a password that nobody sees');
    const passphrase = { JAYCLOUD_PASSPHRASE: 'nor this passphrase' };
    const outcome = await machine.run(['doctor', '--json'], { env: passphrase });
    expect(outcome.exit, outcome.stdout).toBe(0);
    const checks = checksOf(outcome);
    expect(checks.get('daemon')).toMatch(/^ok answers with version \S+, protocol 1$/);
    expect(checks.get('clock')).toMatch(/^ok /);
    expect(checks.get('login')).toMatch(/^ok logged in as patient; the session ends on \d{4}-\d\d-\d\d/);
    expect(checks.get('store')).toContain('chosen by JAYCLOUD_CREDENTIAL_STORE');
    expect(checks.get('server')).toContain('JAYCLOUD_SERVER says so');
    expect(checks.get('environment')).toContain('JAYCLOUD_PASSPHRASE, JAYCLOUD_PASSWORD');
    expect(outcome.stdout).not.toMatch(/nobody sees|nor this/);
  });

  test('a file that others can read, and a session that has ended, are failures', async () => {
    const machine = await machineOf(daemon, 'careless', 'register');
    const file = join(machine.home, 'config', 'credentials.json');
    chmodSync(file, 0o644);
    const open = await machine.run(['doctor', '--json']);
    expect(open.exit).toBe(1);
    expect(checksOf(open).get('credential-file')).toMatch(/^fail others may read or write .*\(mode 644\)/);
    expect(jsonLines(open).find(({ check }) => check === 'credential-file')).toMatchObject({
      hint: `chmod 600 ${file}`,
    });
    chmodSync(file, 0o600);
    const other = await Daemon.start();
    // The same credential at a daemon that does not know it.
    const moved = await machineOf(other, 'careless', 'register');
    await other.stop();
    const empty = await Daemon.start({ port: other.port });
    const ended = await moved.run(['doctor', '--json']);
    await empty.stop();
    expect(ended.exit).toBe(1);
    expect(checksOf(ended).get('login')).toMatch(/^fail the session of careless has ended/);
  });

  test('that is not there is a failure at once', async () => {
    const machine = new Machine(noBus);
    const startedAt = performance.now();
    const absent = await machine.run(['doctor', '--json', '--server', 'http://127.0.0.1:9']);
    expect(absent.exit).toBe(1);
    expect(checksOf(absent).get('daemon')).toMatch(/^fail http:\/\/127.0.0.1:9 does not answer: .*ECONNREFUSED/);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(lastJson(absent)).toMatchObject({ failed: 1 });
  });

  test('that takes connections and says nothing is waited for only so long', async () => {
    const server = createSocketServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const startedAt = performance.now();
    const outcome = await new Machine(noBus).run(['doctor', '--json', '--server', `http://127.0.0.1:${String(port)}`]);
    server.close();
    expect(checksOf(outcome).get('daemon')).toMatch(/^fail .* does not answer/);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });

  test('whose clock is another is worth a note', async () => {
    const server = createServer((_request, response) => {
      response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString());
      response.end(JSON.stringify({ status: 'ok', protocol: 1, version: '9.9.9' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const outcome = await new Machine(noBus).run(['doctor', '--json', '--server', `http://127.0.0.1:${String(port)}`]);
    server.close();
    expect(outcome.exit).toBe(0);
    expect(checksOf(outcome).get('clock')).toMatch(/^note this machine is 3[56]\d\d s ahead of the daemon$/);
  });
});

describe.skipIf(process.platform === 'win32')('folders that cannot be written', () => {
  test('are failures where they are needed, and notes elsewhere', async () => {
    const machine = new Machine(noBus);
    chmodSync(machine.home, 0o500);
    const outcome = await machine.run(['doctor', '--json'], { launcher: powerless });
    chmodSync(machine.home, 0o700);
    expect(outcome.exit).toBe(1);
    const checks = checksOf(outcome);
    expect(checks.get('config-folder')).toMatch(/^fail .*config is not there and cannot be made: no login can be kept/);
    expect(checks.get('cache-folder')).toMatch(/^note .*cache is not there and cannot be made: every push reads/);
    expect(checks.get('data-folder')).toMatch(/^fail /);
    expect(existsSync(join(machine.home, 'config'))).toBe(false);
  });
});
