// Only paid work is measured (docs/proof-of-work.md, "Capacity").
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WorkMeter } from '../../src/daemon/work-meter.js';

function spin(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('time on the loop is added up, also of work that fails, and taken once', () => {
  const meter = new WorkMeter();
  expect(meter.onLoop(() => (spin(20), 7))).toBe(7);
  expect(() =>
    meter.onLoop(() => {
      spin(20);
      throw new Error('no');
    }),
  ).toThrow('no');
  const { loopSeconds, diskSeconds } = meter.take();
  expect(loopSeconds).toBeGreaterThanOrEqual(0.04);
  expect(diskSeconds).toBe(0);
  expect(meter.take().loopSeconds).toBe(0);
});

test('the disk is busy while anything is under way there, and its queue is the mean number of that', async () => {
  const meter = new WorkMeter();
  await Promise.all([meter.onDisk(() => sleep(60)), meter.onDisk(() => sleep(60)), meter.onDisk(() => sleep(60))]);
  const failed = meter.onDisk(() => Promise.reject(new Error('no')));
  await expect(failed).rejects.toThrow('no');
  const busy = meter.take();
  // Three side by side are one busy disk and a queue of three.
  expect(busy.diskSeconds).toBeGreaterThanOrEqual(0.05);
  expect(busy.diskQueue / busy.diskSeconds).toBeGreaterThan(2);
  await sleep(20);
  expect(meter.take()).toMatchObject({ diskSeconds: 0, diskQueue: 0 });
});
