// What the operator does and sees: tiers, invitations, figures (docs/operating.md, "Users", "Watching").
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Daemon, lastJson, Machine, makeTempDir, type Outcome, removeTempDirs } from '../helpers/programs.js';
import { makeTree } from '../helpers/small-tree.js';

const program = fileURLToPath(new URL('../../bin/jaycloudd.js', import.meta.url));
let daemon: Daemon;
let anna: Machine;

beforeAll(async () => {
  daemon = await Daemon.start({ pow: 'adaptive', args: ['--metrics', '127.0.0.1:0'] });
  anna = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'pass of anna' });
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

function operate(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
    child.on('close', (exit) => {
      resolve({ exit, stdout, stderr });
    });
  });
}

function tierNow(outcome: Outcome): unknown {
  const { account, tier, why } = lastJson(outcome);
  return [account, tier, why];
}

describe('tiers', () => {
  test('are what the operator says, from the next request on', async () => {
    const registered = await anna.summary(['register', 'anna']);
    // 512 on average; a quarter of that has a chance of one in a million.
    expect(registered['powAttempts']).toBeGreaterThan(128);
    const pushFresh = () => anna.summary(['push', makeTree(), '--name', 'tree']);
    const inDir = ['--data', daemon.dataDir, '--json'];
    expect(tierNow(await operate('user', 'show', 'anna', ...inDir))).toEqual(['anna', 'new', 'age and record']);
    await pushFresh();
    expect(tierNow(await operate('user', 'promote', 'anna', ...inDir))).toEqual(['anna', 'established', 'operator']);
    await pushFresh();
    expect(tierNow(await operate('user', 'demote', 'anna', ...inDir))).toEqual(['anna', 'new', 'operator']);
    await pushFresh();
    expect(tierNow(await operate('user', 'reset', 'anna', ...inDir))).toEqual(['anna', 'new', 'age and record']);
    // The figures below count in which tier each of these was admitted.
  });

  test('a table for people has the same, and an unknown account or folder is an error', async () => {
    const { stdout, exit } = await operate('user', 'list', '--data', daemon.dataDir);
    expect(exit).toBe(0);
    const [head = '', row = ''] = stdout.split('\n');
    expect(head).toMatch(/^ACCOUNT +TIER +WHY +SINCE +GRANTS +DAYS +UNANSWERED$/);
    expect(row).toMatch(/^anna +new +age and record +\d{4}-\d\d-\d\d +6 +1 +0$/);
    const unknown = await operate('user', 'promote', 'nobody', '--data', daemon.dataDir);
    expect(unknown).toMatchObject({ exit: 1, stderr: "jaycloudd: error: there is no account 'nobody'\n" });
    const empty = makeTempDir();
    const nowhere = await operate('user', 'list', '--data', empty);
    expect(nowhere.exit).toBe(1);
    expect(nowhere.stderr).toContain('there is no data directory of jaycloudd');
    expect(existsSync(join(empty, 'jaycloud.db'))).toBe(false);
    expect((await operate('user', 'list')).exit).toBe(2);
  });
});

describe('an invitation', () => {
  test('makes one registration cheap and its account established, once', async () => {
    const made = await operate('user', 'invite', '--data', daemon.dataDir);
    const invite = made.stdout.trim();
    expect(invite).toMatch(/^jci_[A-Za-z0-9_-]{22}$/);
    expect(made.stderr).toContain(`JAYCLOUD_INVITE=${invite} jaycloud register NAME`);
    const bert = new Machine({
      JAYCLOUD_SERVER: daemon.url,
      JAYCLOUD_PASSWORD: 'pass of bert',
      JAYCLOUD_INVITE: invite,
    });
    await bert.summary(['register', 'bert']);
    const shown = await operate('user', 'show', 'bert', '--data', daemon.dataDir, '--json');
    expect(tierNow(shown)).toEqual(['bert', 'established', 'operator']);
    const again = new Machine({
      JAYCLOUD_SERVER: daemon.url,
      JAYCLOUD_PASSWORD: 'pass of carl',
      JAYCLOUD_INVITE: invite,
    });
    expect(await again.summary(['register', 'carl'], 12)).toMatchObject({ code: 'forbidden' });
    expect((await operate('user', 'show', 'carl', '--data', daemon.dataDir)).exit).toBe(1);
  });

  test('that is none is an error of usage, and so is a wrong time', async () => {
    const wrong = new Machine({ JAYCLOUD_SERVER: daemon.url, JAYCLOUD_PASSWORD: 'x', JAYCLOUD_INVITE: 'jci_short' });
    expect(await wrong.summary(['register', 'dora'], 2)).toMatchObject({ code: 'usage' });
    expect((await operate('user', 'invite', '--data', daemon.dataDir, '--ttl', '366d')).exit).toBe(2);
    const short = await operate('user', 'invite', '--data', daemon.dataDir, '--ttl', '1s', '--json');
    const { invite } = lastJson(short);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const late = new Machine({
      JAYCLOUD_SERVER: daemon.url,
      JAYCLOUD_PASSWORD: 'pass of emil',
      JAYCLOUD_INVITE: String(invite),
    });
    expect(await late.summary(['register', 'emil'], 12)).toMatchObject({ code: 'forbidden' });
  });
});

describe('figures', () => {
  test('of stats say what is stored, what is charged and what was refused', async () => {
    expect((await anna.run(['push', makeTree(), '--name', 'dear', '--pow-max', '0'])).exit).toBe(14);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const stats = lastJson(await operate('stats', '--data', daemon.dataDir, '--json'));
    expect(stats).toMatchObject({ type: 'stats', accounts: 2, tiers: { established: 1, new: 1 } });
    expect(stats['daemon']).toMatchObject({
      pid: daemon.child.pid,
      pow: 'adaptive',
      price: { established: { factor: 1, uploadAttempts: 8, waiting: 0 }, new: { factor: 1, uploadAttempts: 64 } },
      admitted: {
        'new register': 1,
        'established register': 1,
        'new query': 2,
        'new upload': 2,
        'established query': 1,
        'established upload': 1,
      },
      refused: { 'invite-invalid': 2 },
    });
    const { stdout } = await operate('stats', '--data', daemon.dataDir);
    expect(stdout).toMatch(/^accounts +2 \(1 established, 1 new\)$/m);
    expect(stdout).toMatch(/^price, new +1 x the floor, 64 attempts an upload grant, 0 waiting$/m);
    expect(stdout).toMatch(/^verification +\d+\.\d % of a core, at most 20\.0 %$/m);
  });

  test('for Prometheus are the same', async () => {
    const url = /"url":"(http:[^"]+\/metrics)"/.exec(daemon.log)?.[1] ?? '';
    const text = await (await fetch(url)).text();
    expect(text).toMatch(/^jaycloudd_price_factor\{tier="new"\} 1$/m);
    expect(text).toMatch(/^jaycloudd_admitted_total\{tier="new",purpose="register"\} 1$/m);
    expect(text).toMatch(/^jaycloudd_refusals_total\{code="invite-invalid"\} 2$/m);
    expect(text).toMatch(/^jaycloudd_verification_seconds_total 0\.\d+$/m);
    expect(text).toMatch(/^jaycloudd_admission_wait_seconds_bucket\{le="\+Inf"\} 8$/m);
    expect((await fetch(url.replace('/metrics', '/other'))).status).toBe(404);
  });

  test('of a daemon that is gone are not shown, killed or stopped', async () => {
    const other = await Daemon.start({ pow: 'adaptive' });
    expect(lastJson(await operate('stats', '--data', other.dataDir, '--json'))['daemon']).toMatchObject({
      pow: 'adaptive',
    });
    await other.stop('SIGKILL');
    expect(readFileSync(join(other.dataDir, 'stats.json'), 'utf8')).toContain('"pid"');
    expect(lastJson(await operate('stats', '--data', other.dataDir, '--json'))['daemon']).toBeNull();
    const again = await Daemon.start({ pow: 'floor', dataDir: other.dataDir });
    await again.stop();
    expect(existsSync(join(other.dataDir, 'stats.json'))).toBe(false);
    const { stdout } = await operate('stats', '--data', other.dataDir);
    expect(stdout).toMatch(/^daemon +none is serving this data directory$/m);
  });
});
