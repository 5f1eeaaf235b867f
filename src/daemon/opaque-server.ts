// The daemon's half of OPAQUE (RFC 9807, docs/protocol.md, "Accounts"): it never sees a password, and an unknown account
// gets an answer of the same shape as a known one.
import { randomBytes } from 'node:crypto';
import * as opaque from '@serenity-kit/opaque';
import { toHex } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';

/** A login is finished within this time, or started again. */
const loginTtlMs = 60_000;
/** Started logins held at once; each one was paid for with proof of work. */
const startedLoginsMax = 10_000;

interface StartedLogin {
  readonly account: string;
  readonly state: string;
  readonly known: boolean;
  readonly expiresAt: number;
}

export interface OpaqueServer {
  /** Answers the first message of a registration; throws `malformed`. */
  register(account: string, registrationRequest: string): string;
  /** Answers the first message of a login, for unknown accounts (record undefined) too. */
  startLogin(account: string, record: string | undefined, request: string): { loginId: string; loginResponse: string };
  /** Returns the account that has proved its password; throws `login-failed`. A login id works once. */
  finishLogin(loginId: string, finishLoginRequest: string): string;
}

export async function createOpaqueServer(serverSetup: string, now: () => number): Promise<OpaqueServer> {
  await opaque.ready;
  const started = new Map<string, StartedLogin>();
  const dropExpired = () => {
    // Insertion order is expiry order, so the walk stops at the first live one.
    for (const [loginId, login] of started) {
      if (login.expiresAt > now()) return;
      started.delete(loginId);
    }
  };
  return {
    register(account, registrationRequest) {
      try {
        const response = opaque.server.createRegistrationResponse({
          serverSetup,
          userIdentifier: account,
          registrationRequest,
        });
        return response.registrationResponse;
      } catch (cause) {
        throw new ProtocolError('malformed', 'not a registration request', { cause });
      }
    },
    startLogin(account, record, request) {
      dropExpired();
      if (started.size >= startedLoginsMax) throw new ProtocolError('rate-limited', 'too many logins at once');
      let answer: opaque.server.LoginStartResult;
      try {
        answer = opaque.server.startLogin({
          serverSetup,
          userIdentifier: account,
          registrationRecord: record,
          startLoginRequest: request,
        });
      } catch (cause) {
        throw new ProtocolError('malformed', 'not a login request', { cause });
      }
      const loginId = toHex(randomBytes(16));
      started.set(loginId, {
        account,
        state: answer.serverLoginState,
        known: record !== undefined,
        expiresAt: now() + loginTtlMs,
      });
      return { loginId, loginResponse: answer.loginResponse };
    },
    finishLogin(loginId, finishLoginRequest) {
      dropExpired();
      const login = started.get(loginId);
      started.delete(loginId);
      const failed = new ProtocolError('login-failed', 'wrong account or password');
      if (login === undefined) throw failed;
      try {
        opaque.server.finishLogin({ finishLoginRequest, serverLoginState: login.state });
      } catch {
        throw failed;
      }
      if (!login.known) throw failed;
      return login.account;
    },
  };
}
