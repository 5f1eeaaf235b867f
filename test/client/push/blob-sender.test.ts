// When blobs are sent: in full requests, unless memory is waited for or everything is to be stored now. On a real daemon.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DaemonApi } from '../../../src/client/daemon-api.js';
import { everyoneSalt } from '../../../src/client/dedup-domain.js';
import { frameKinds } from '../../../src/client/frame.js';
import { PaidSolver } from '../../../src/client/paid-solver.js';
import { BlobSender } from '../../../src/client/push/blob-sender.js';
import { GrantBroker } from '../../../src/client/push/grant-broker.js';
import { sealLeaf, sealNode } from '../../../src/client/seal.js';
import { encodeBlobRecord } from '../../../src/protocol/blob-stream.js';
import { apiOf, credentialOf } from '../../helpers/daemon-api.js';
import { Daemon, type Machine, machineOf, removeTempDirs } from '../../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;
let api: DaemonApi;
let sender: BlobSender;
/** What grants were said to be needed for. */
let expected: string[];
let failures: Error[];

beforeAll(async () => {
  daemon = await Daemon.start();
  machine = await machineOf(daemon, 'sender', 'register');
  api = await apiOf(machine);
});

beforeEach(() => {
  failures = [];
  const solver = new PaidSolver({ secondsMax: 1, onPrice: () => undefined, signal: undefined });
  const broker = new GrantBroker(api, solver);
  expected = [];
  const prepare = broker.prepare.bind(broker);
  broker.prepare = (purpose) => {
    expected.push(purpose);
    prepare(purpose);
  };
  sender = new BlobSender(api, broker, credentialOf(machine).vaultId, (error) => {
    failures.push(error);
  });
});

afterAll(async () => {
  await api.close();
  await daemon.stop();
  removeTempDirs();
});

/** Hands over a run of one small new blob; the promise resolves when it is given back. */
function addSmallRun(): { readonly isBack: () => boolean; readonly back: Promise<void>; readonly id: Uint8Array } {
  const { id, blob } = sealLeaf(everyoneSalt, randomBytes(100));
  let isBack = false;
  const back = new Promise<void>((resolve) => {
    const giveBack = () => {
      isBack = true;
      resolve();
    };
    sender.addRun({ bytes: encodeBlobRecord({ id, blob }), rawLengths: Uint32Array.of(100), giveBack });
  });
  return { isBack: () => isBack, back, id };
}

const isStored = async (id: Uint8Array) => (await api.fetchBlobs([id]))[0] !== undefined;

describe('nodes above each other', () => {
  const vaultSalt = randomBytes(32);
  const above = (children: readonly Uint8Array[], bytes = 10) =>
    sealNode(vaultSalt, frameKinds.manifestIndex, randomBytes(bytes), children);

  test('go in one request where they fit into it, else in requests that wait for each other', async () => {
    const run = addSmallRun();
    await sender.flush();
    const put = vi.spyOn(api, 'putBlobs');
    const leaf = above([run.id]);
    const index = above([leaf.id]);
    const root = above([index.id]);
    await sender.sendNodes([leaf, index, root]);
    expect(put).toHaveBeenCalledTimes(1);
    const large = Array.from({ length: 5 }, () => above([run.id], 4_000_000));
    const overThem = above(large.map(({ id }) => id));
    await sender.sendNodes([...large, overThem]);
    expect(put).toHaveBeenCalledTimes(4);
    put.mockRestore();
    for (const { id } of [leaf, index, root, ...large, overThem]) expect(await isStored(id)).toBe(true);
  });
});

describe('a small run', () => {
  test('waits for more, and is stored when everything is to be', async () => {
    const run = addSmallRun();
    await sleep(200);
    expect(run.isBack()).toBe(false);
    const stored = sender.stored();
    await sender.flush();
    await stored;
    expect(run.isBack()).toBe(true);
    expect(await isStored(run.id)).toBe(true);
    expect(sender.counts).toMatchObject({ blobs: 1, newBlobs: 1, newFileBytes: 100 });
  });

  test('is asked about at once where it is the first, so that what its upload costs is earned meanwhile', async () => {
    const first = addSmallRun();
    const second = addSmallRun();
    await vi.waitFor(() => {
      expect(expected).toEqual(['upload']);
    }, 5_000);
    expect([first.isBack(), second.isBack()]).toEqual([false, false]);
    await sender.flush();
    expect([await isStored(first.id), await isStored(second.id)]).toEqual([true, true]);
  });

  test('is sent at once while somebody waits for memory, and so is the next one', async () => {
    const first = addSmallRun();
    sender.setAwaited(true);
    await first.back;
    expect(await isStored(first.id)).toBe(true);
    // Another's run came back; whoever waits may wait still.
    await addSmallRun().back;
    sender.setAwaited(false);
    const last = addSmallRun();
    await sleep(200);
    expect(last.isBack()).toBe(false);
    await sender.flush();
  });

  test('of a blob that was handed over before is given back at once', async () => {
    const { id, blob } = sealLeaf(everyoneSalt, randomBytes(100));
    const run = { bytes: encodeBlobRecord({ id, blob }), rawLengths: Uint32Array.of(100) };
    let returned = 0;
    const giveBack = () => {
      returned += 1;
    };
    sender.addRun({ ...run, giveBack });
    sender.addRun({ ...run, giveBack });
    expect(returned).toBe(1);
    await sender.flush();
    expect(returned).toBe(2);
    expect(sender.counts.blobs).toBe(1);
  });

  test('that is no blob is refused, and everybody who waits hears of it', async () => {
    const giveBack = () => undefined;
    const bytes = encodeBlobRecord({ id: randomBytes(32), blob: randomBytes(1044) });
    sender.addRun({ bytes, rawLengths: Uint32Array.of(1), giveBack });
    await expect(sender.flush()).rejects.toMatchObject({ code: 'blob-invalid' });
    expect(failures).toMatchObject([{ code: 'blob-invalid' }]);
  });
});
