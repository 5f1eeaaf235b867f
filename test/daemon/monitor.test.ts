// The pulse of a daemon (docs/operating.md, "Watching"): a line in the log for every price that has doubled or halved, with what
// it is based on, and figures that are whole.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AdaptiveAdmission } from '../../src/daemon/admission/adaptive-admission.js';
import { createLocalReplay } from '../../src/daemon/admission/replay-store.js';
import { AdmissionCounts } from '../../src/daemon/admission-counts.js';
import { createChallenges } from '../../src/daemon/challenges.js';
import { Monitor, statsFile } from '../../src/daemon/monitor.js';
import { WorkMeter } from '../../src/daemon/work-meter.js';
import { encodeSolutions } from '../../src/protocol/proof-of-work.js';
import { findSolutions } from '../helpers/proof-of-work.js';

let dataDir: string;
let lines: Record<string, unknown>[];
let adaptive: AdaptiveAdmission;
let monitor: Monitor;
let meter: WorkMeter;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  dataDir = mkdtempSync(join(tmpdir(), 'jaycloud-monitor-'));
  lines = [];
  const write = (text: string) => lines.push(JSON.parse(text) as Record<string, unknown>);
  const counts = new AdmissionCounts();
  const challenges = createChallenges({ masterKey: new Uint8Array(32), replay: createLocalReplay(), now: Date.now });
  adaptive = new AdaptiveAdmission({ challenges, clock: () => performance.now(), events: counts.events });
  meter = new WorkMeter();
  const daemon = { app: new Hono(), adaptive, meter, close: () => undefined };
  const log = pino({}, { write });
  monitor = new Monitor({ daemon, counts, log, dataDir, version: '1', pow: 'adaptive' });
  monitor.start();
});

afterEach(async () => {
  await monitor.stop();
  adaptive.close();
  vi.useRealTimers();
  rmSync(dataDir, { recursive: true });
});

test('a price that doubles is logged once with its reasons, and again when it is back', async () => {
  // The disk is busy all the time with what was given so far.
  const writing = meter.onDisk(() => new Promise((resolve) => setTimeout(resolve, 30_000)));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(lines).toEqual([]);
  // Sixteen standard grants in a second are more than it can serve.
  const bids = ['a', 'b', 'c', 'd'].map((account) => {
    const application = { purpose: 'upload', tier: 'established', account, network: undefined } as const;
    const challenge = adaptive.issue(application, 4);
    const proof = { token: challenge.token, solutions: encodeSolutions(findSolutions(challenge)) };
    return adaptive.admit(proof, application);
  });
  await vi.advanceTimersByTimeAsync(1000);
  expect(lines).toHaveLength(1);
  const [risen = {}] = lines;
  expect(risen).toMatchObject({
    msg: 'price',
    tier: 'established',
    before: 1,
    grantsPerSecond: expect.any(Number) as number,
  });
  expect(risen['factor']).toBeGreaterThanOrEqual(2);
  expect(risen['uploadAttempts']).toBeGreaterThanOrEqual(16);
  expect(monitor.figures().price.established.factor).toBe(risen['factor']);
  await vi.advanceTimersByTimeAsync(10_000);
  await Promise.all([...bids, writing]);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(monitor.figures()).toMatchObject({
    price: { established: { factor: 1, uploadAttempts: 8 }, new: { factor: 1, uploadAttempts: 64 } },
    admitted: { 'established upload': 4 },
  });
  // Down step by step, the last one to the floor; the other tier never moved.
  expect(lines.at(-1)).toMatchObject({ msg: 'price', tier: 'established', factor: 1 });
  expect(lines.filter(({ tier }) => tier === 'new')).toEqual([]);
  expect(lines.length).toBeLessThan(8);
});

test('the figures are in a file that is always whole, and gone with the daemon', async () => {
  await vi.advanceTimersByTimeAsync(2000);
  vi.useRealTimers();
  await vi.waitFor(() => {
    expect(JSON.parse(readFileSync(statsFile(dataDir), 'utf8'))).toMatchObject({ pid: process.pid, pow: 'adaptive' });
  });
  await monitor.stop();
  expect(() => readFileSync(statsFile(dataDir))).toThrow('ENOENT');
});
