// Ann has pushed something to a daemon that can be made to lie; mallory has an account there and works with the operator.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CreateSessionResponse } from '../../src/protocol/messages.js';
import { LyingProxy, lieInJson } from './lying-proxy.js';
import { Daemon, lastJson, Machine, makeTempDir, type Outcome } from './programs.js';

export interface LyingScene {
  readonly daemon: Daemon;
  readonly proxy: LyingProxy;
  readonly tree: string;
  readonly ann: Machine;
  /** As it was shown to her. */
  readonly recoveryKey: string;
  /** What the daemon answered to a login of mallory. */
  readonly mallory: CreateSessionResponse;
  /** A machine with the password of this account, and nothing else. */
  machineFor(account: string, url?: string): Machine;
  /** What the daemon answers to a login of this account, who is logged in on a new machine. */
  loginAnswer(account: string): Promise<CreateSessionResponse>;
  close(): Promise<void>;
}

export async function openLyingScene(): Promise<LyingScene> {
  const daemon = await Daemon.start();
  const proxy = await LyingProxy.start(daemon.url);
  const tree = makeTempDir();
  mkdirSync(join(tree, 'sub'));
  writeFileSync(join(tree, 'a'), 'true content of a');
  writeFileSync(join(tree, 'sub', 'b'), 'true content of b');
  const machineFor = (account: string, url = proxy.url) =>
    new Machine({ JAYCLOUD_SERVER: url, JAYCLOUD_PASSWORD: `pass of ${account}` });
  const loginAnswer = async (account: string) => {
    let seen: CreateSessionResponse | undefined;
    proxy.lie(
      'createSession',
      lieInJson<CreateSessionResponse>((answer) => {
        seen = answer;
        return answer;
      }),
    );
    await machineFor(account).summary(['login', account]);
    proxy.beHonest();
    if (seen === undefined) throw new Error('no login');
    return seen;
  };
  await machineFor('mallory').summary(['register', 'mallory']);
  const mallory = await loginAnswer('mallory');
  const ann = machineFor('ann');
  const { stderr } = await ann.run(['register', 'ann']);
  const recoveryKey = /(?:[0-9A-Z]{4}-){13}[0-9A-Z]{4}/.exec(stderr)?.[0] ?? '';
  await ann.summary(['push', tree, '--name', 'home']);
  return {
    ...{ daemon, proxy, tree, ann, recoveryKey, mallory, machineFor, loginAnswer },
    async close() {
      await proxy.close();
      await daemon.stop();
    },
  };
}

/** Refused with this exit code, and where the daemon lied, with what to do about it. */
export function expectRefusal(outcome: Outcome, exit: number, message: RegExp): void {
  expect(outcome.exit, outcome.stdout + outcome.stderr).toBe(exit);
  const { message: said, hint } = lastJson(outcome);
  expect(String(said)).toMatch(message);
  if (exit === 15) expect(String(hint), String(said)).toMatch(/ask (the|its) operator|heals/);
}
