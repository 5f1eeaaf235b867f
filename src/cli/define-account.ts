// The command lines of register, login, logout, whoami, passwd, recover, recovery, session, key and doctor.
// What a command does is loaded when it is asked for.

import type { Run } from './command-line.js';
import type { PasswordFlags } from './commands/account.js';
import type { RotateFlags } from './commands/key.js';
import type { PasswdFlags } from './commands/passwd.js';
import type { RecoverFlags, RehearseFlags } from './commands/recover.js';
import type { RevokeFlags } from './commands/session.js';
import { Command } from './packages/commander.js';

export function accountCommands(run: Run): Command[] {
  const registerCommand = new Command('register')
    .description('make an account on a daemon and log in')
    .argument('[account]', 'account name (or JAYCLOUD_ACCOUNT)')
    .option('--password-stdin', 'read the password from standard input')
    .action((account: string | undefined, flags: PasswordFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/account.js')).runRegister(session, account, flags)),
    );
  const loginCommand = new Command('login')
    .description('log in to a daemon')
    .argument('[account]', 'account name (or JAYCLOUD_ACCOUNT)')
    .option('--password-stdin', 'read the password from standard input')
    .action((account: string | undefined, flags: PasswordFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/account.js')).runLogin(session, account, flags)),
    );
  const logoutCommand = new Command('logout')
    .description('end the session and forget the keys on this machine')
    .action((_flags: unknown, command: Command) =>
      run(command, async (session) => (await import('./commands/account.js')).runLogout(session)),
    );
  const whoamiCommand = new Command('whoami')
    .description('show who is logged in where')
    .action((_flags: unknown, command: Command) =>
      run(command, async (session) => (await import('./commands/account.js')).runWhoami(session)),
    );
  return [registerCommand, loginCommand, logoutCommand, whoamiCommand];
}

export function passwdCommand(run: Run): Command {
  return new Command('passwd')
    .description('change the password and end all other sessions')
    .option('--password-stdin', 'read the present and the new password from standard input, a line each')
    .action((flags: PasswdFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/passwd.js')).runPasswd(session, flags)),
    );
}

export function recoveryCommands(run: Run): Command[] {
  const recoverCommand = new Command('recover')
    .description('log in and set a new password with the recovery key alone')
    .argument('[account]', 'account name (or JAYCLOUD_ACCOUNT)')
    .option('--recovery-key-stdin', 'read the recovery key from the first line of standard input')
    .option('--password-stdin', 'read the new password from standard input, below the recovery key')
    .action((account: string | undefined, flags: RecoverFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/recover.js')).runRecover(session, account, flags)),
    );
  const rehearseCommand = new Command('rehearse')
    .description('prove that the recovery key opens the account, and change nothing')
    .argument('[account]', 'account name (or JAYCLOUD_ACCOUNT); the one that is logged in without it')
    .option('--recovery-key-stdin', 'read the recovery key from standard input')
    .action((account: string | undefined, flags: RehearseFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/recover.js')).runRehearse(session, account, flags)),
    );
  const recoveryCommand = new Command('recovery').description('what the recovery key is good for');
  return [recoverCommand, recoveryCommand.addCommand(rehearseCommand)];
}

export function sessionCommand(run: Run): Command {
  const listCommand = new Command('list')
    .description('list where the account is logged in, last used first')
    .action((_flags: unknown, command: Command) =>
      run(command, async (session) => (await import('./commands/session.js')).runList(session)),
    );
  const revokeCommand = new Command('revoke')
    .description('end sessions of the account elsewhere')
    .argument('[id...]', 'ids of sessions, or their first 6 digits and more')
    .option('--others', 'end all but the one of this machine')
    .action((ids: readonly string[], flags: RevokeFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/session.js')).runRevoke(session, ids, flags)),
    );
  return new Command('session')
    .description('sessions of the account')
    .addCommand(listCommand)
    .addCommand(revokeCommand);
}

export function keyCommand(run: Run): Command {
  const key = new Command('key').description('the keys of account and vault');
  key
    .command('rotate')
    .description('make new keys; ends every token and all other sessions')
    .option('--password-stdin', 'read the password from standard input')
    .action((flags: RotateFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/key.js')).runRotate(session, flags)),
    );
  return key;
}

export function doctorCommand(run: Run): Command {
  return new Command('doctor')
    .description('explain how this machine is set up, and what is wrong')
    .action((_flags: unknown, command: Command) =>
      run(command, async (session) =>
        (await import('./commands/doctor.js')).runDoctor(session, command.parent?.version() ?? ''),
      ),
    );
}
