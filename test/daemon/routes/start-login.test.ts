// POST /v1/sessions/start (docs/protocol.md, "startLogin"): what an unknown account is told looks like what a known one is.
import * as opaque from '@serenity-kit/opaque';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { standardKeyStretching } from '../../../src/protocol/key-stretching.js';
import type { StartLoginResponse } from '../../../src/protocol/messages.js';
import { type AccountDaemon, openAccountDaemon, wireCodeOf } from '../../helpers/account-daemon.js';

let daemon: AccountDaemon;

beforeAll(async () => {
  daemon = await openAccountDaemon();
  await daemon.register('ann');
});

afterAll(() => daemon.close());

async function start(account: string, bound = account): Promise<StartLoginResponse> {
  const { startLoginRequest } = opaque.client.startLogin({ password: 'any' });
  return daemon.api().startLogin({ account, startLoginRequest, proof: await daemon.loginProof(bound) });
}

const shapeOf = (answer: object) => Object.entries(answer).map(([name, value]) => [name, String(value).length]);

describe('startLogin', () => {
  test('an unknown account gets the standard parameters and an answer of the same shape', async () => {
    const known = await start('ann');
    const unknown = await start('nobody');
    expect(known.keyStretching).toEqual(standardKeyStretching);
    expect(unknown.keyStretching).toEqual(standardKeyStretching);
    expect(shapeOf(unknown)).toEqual(shapeOf(known));
  });

  test('refuses a proof for another account', async () => {
    expect(await wireCodeOf(start('ann', 'nobody'))).toBe('challenge-invalid');
  });
});
