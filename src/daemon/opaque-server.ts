// The daemon's half of OPAQUE (RFC 9807, docs/protocol.md, "Accounts"): it never sees a password, and an unknown account
// gets an answer of the same shape as a known one.
import * as opaque from '@serenity-kit/opaque';
import { fromBase64 } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { ExpiringMap } from './expiring-map.js';

/** A login is finished within this time, or started again. */
const loginTtlMs = 60_000;
/** Started logins held at once; each one was paid for with proof of work. */
const startedLoginsMax = 10_000;

/** A registration record of RFC 9807: public key 32, masking key 64, envelope 96. */
const recordBytes = 192;

interface StartedLogin {
  readonly account: string;
  readonly state: string;
  /** Undefined for an account that does not exist. */
  readonly record: string | undefined;
}

/** Whose password was proved, and the registration record that it was proved against. */
export interface ProvedLogin {
  readonly account: string;
  readonly registrationRecord: string;
}

export interface OpaqueServer {
  /** Answers the first message of a registration; throws `malformed`. */
  register(account: string, registrationRequest: string): string;
  /** Answers the first message of a login, for unknown accounts (record undefined) too. */
  startLogin(account: string, record: string | undefined, request: string): { loginId: string; loginResponse: string };
  /**
   * Throws `login-failed` where the password was not proved. A login id works once. The caller MUST compare the record with
   * the account's of that moment: a login that was started with an old password is worth nothing once there is a new one.
   */
  finishLogin(loginId: string, finishLoginRequest: string): ProvedLogin;
  /** Throws `malformed` for what no login could be made with. */
  checkRecord(registrationRecord: string): void;
}

export async function createOpaqueServer(serverSetup: string, now: () => number): Promise<OpaqueServer> {
  await opaque.ready;
  const started = new ExpiringMap<StartedLogin>({ ttlMs: loginTtlMs, countMax: startedLoginsMax, now });
  const sampleRequest = opaque.client.startLogin({ password: 'sample' }).startLoginRequest;
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
      started.checkRoom();
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
      const loginId = started.add({ account, state: answer.serverLoginState, record });
      return { loginId, loginResponse: answer.loginResponse };
    },
    finishLogin(loginId, finishLoginRequest) {
      const login = started.find(loginId);
      started.remove(loginId);
      const failed = new ProtocolError('login-failed', 'wrong account or password');
      if (login === undefined) throw failed;
      try {
        opaque.server.finishLogin({ finishLoginRequest, serverLoginState: login.state });
      } catch {
        throw failed;
      }
      if (login.record === undefined) throw failed;
      return { account: login.account, registrationRecord: login.record };
    },
    checkRecord(registrationRecord) {
      // The library reads the beginning and leaves the rest alone.
      if (fromBase64(registrationRecord).length !== recordBytes) {
        throw new ProtocolError('malformed', 'not a registration record');
      }
      try {
        opaque.server.startLogin({
          serverSetup,
          userIdentifier: 'sample',
          registrationRecord,
          startLoginRequest: sampleRequest,
        });
      } catch (cause) {
        throw new ProtocolError('malformed', 'not a registration record', { cause });
      }
    },
  };
}
