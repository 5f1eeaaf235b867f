// doctor: how this machine stands, line by line, and what to do.
import { listVariables } from '../../client/config.js';
import { type Check, examine, ok } from '../../client/doctor.js';
import type { Session } from '../session.js';
import { formatCount } from '../text.js';

const exitFailed = 1;

export async function runDoctor(session: Session, version: string): Promise<number> {
  let checks = 0;
  let failed = 0;
  for await (const { check, state, message, hint } of examineAll(session, version)) {
    session.signal.throwIfAborted();
    const line = `${state.padEnd(4)}  ${check}: ${message}`;
    session.output.result(hint === undefined ? line : `${line}\n      ${hint}`, {
      type: 'check',
      check,
      state,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
    checks += 1;
    if (state === 'fail') failed += 1;
  }
  const text = failed === 0 ? 'nothing is wrong' : `${formatCount(failed, 'check')} failed`;
  session.output.summary(text, { checks, failed });
  return failed === 0 ? 0 : exitFailed;
}

async function* examineAll(session: Session, version: string): AsyncGenerator<Check> {
  const { settings } = session;
  const machine = await import('../../client/doctor-machine.js');
  const login = await import('../../client/doctor-login.js');
  yield ok('program', `jaycloud ${version} on Node ${process.version}, ${process.platform} ${process.arch}`);
  for (const check of machine.checkFolders(settings)) yield check;
  yield login.checkServer(settings);
  yield* settings.server.startsWith('file:') ? examineVault(session) : examineDaemon(session);
  yield await examine('store', () => login.checkStore(settings));
  const file = await examine('credential-file', () => login.checkCredentialFile(settings));
  if (file !== undefined) yield file;
  yield await examine('keychain', () => login.checkKeychain(settings));
  yield await examine('keytar', () => machine.checkKeychainPackage());
  yield await examine('zstd-napi', () => machine.checkZstd());
  yield await examine('koffi', () => machine.checkSystemCalls());
  yield await examine('better-sqlite3', async () => {
    const { hasVaultDriver } = await import('../embedded.js');
    return machine.checkVaultDriver(await hasVaultDriver(), settings);
  });
  yield machine.checkVariables(listVariables(process.env));
}

async function* examineVault({ settings }: Session): AsyncGenerator<Check> {
  const { checkLocalVault, openCredential } = await import('../../client/doctor-login.js');
  yield await examine('vault', () => checkLocalVault(settings));
  const credential = await examine('login', () => openCredential(settings));
  if (credential === undefined) return;
  yield 'check' in credential ? credential : ok('login', `the keys of '${credential.account}' are on this machine`);
}

async function* examineDaemon({ settings }: Session): AsyncGenerator<Check> {
  const { checkClock, checkDaemon, checkSession, checkToken, openCredential, openProbe } = await import(
    '../../client/doctor-login.js'
  );
  const probe = await openProbe(settings.server);
  try {
    const answer = await examine('daemon', () => checkDaemon(probe, settings));
    yield answer;
    const isThere = answer.state === 'ok';
    if (isThere) yield checkClock(probe);
    const { token } = settings;
    if (token !== undefined) {
      if (isThere) yield await examine('login', () => checkToken(probe, token));
      return;
    }
    const credential = await examine('login', () => openCredential(settings));
    if (credential === undefined) return;
    if ('check' in credential) yield credential;
    else if (isThere) yield await examine('login', () => checkSession(probe, credential));
    else yield ok('login', `the keys of '${credential.account}' are on this machine`);
  } finally {
    await probe.api.close();
  }
}
