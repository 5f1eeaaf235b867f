// Grants of a push (docs/proof-of-work.md, "Solving"): bought ahead, larger each time.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DaemonApi } from '../../../src/client/daemon-api.js';
import { PaidSolver } from '../../../src/client/paid-solver.js';
import { GrantBroker } from '../../../src/client/push/grant-broker.js';
import { grantBudgets } from '../../../src/protocol/limits.js';
import { type AccountDaemon, openAccountDaemon } from '../../helpers/account-daemon.js';

let daemon: AccountDaemon;
let api: DaemonApi;
let bought: number[] = [];

beforeAll(async () => {
  daemon = await openAccountDaemon();
  const { credential } = await daemon.register('anna');
  api = daemon.api(credential);
  const createChallenge = api.createChallenge.bind(api);
  api.createChallenge = (request) => {
    bought.push(request.units ?? 1);
    return createChallenge(request);
  };
});

afterAll(() => daemon.close());

function newBroker(): GrantBroker {
  bought = [];
  return new GrantBroker(api, new PaidSolver({ secondsMax: 60, onPrice: () => undefined, signal: undefined }));
}

const { ids } = grantBudgets.query;

test('a small push buys one standard grant', async () => {
  const broker = newBroker();
  for (let i = 0; i < 4; i += 1) {
    await broker.spend('query', { bytes: 0, blobs: 0, ids: ids / 8 }, () => Promise.resolve());
  }
  expect(bought).toEqual([1]);
});

test('the next one is bought when half is used, and is twice as large, up to eight', async () => {
  const broker = newBroker();
  const grants = new Set<string>();
  // Twenty-six standard grants and a little.
  for (let i = 0; i < 26 * 4 + 1; i += 1) {
    await broker.spend('query', { bytes: 0, blobs: 0, ids: ids / 4 }, (grant) => {
      grants.add(grant);
      return Promise.resolve();
    });
  }
  expect(bought).toEqual([1, 2, 4, 8, 8, 8]);
  expect(grants.size).toBe(6);
});

test('one that was prepared is bought once, and used', async () => {
  const broker = newBroker();
  broker.prepare('query');
  broker.prepare('query');
  await broker.spend('query', { bytes: 0, blobs: 0, ids: 1 }, () => Promise.resolve());
  broker.prepare('query');
  expect(bought).toEqual([1]);
});
