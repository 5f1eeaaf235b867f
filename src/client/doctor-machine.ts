// What doctor finds out about folders, packages and variables of this machine.
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { findLogin, type Settings } from './config.js';
import { type Check, fail, note, ok } from './doctor.js';
import { findKeychainPackageFault } from './keychain.js';
import { systemCalls } from './system-calls.js';
import { loadNativeZstd } from './zstd-native.js';

type FolderState = 'writable' | 'read-only' | 'absent' | 'impossible' | 'unusable';

/** Undefined where nothing is there. */
function isFolder(path: string): boolean | undefined {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : false;
  }
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** `impossible`: not there, and it could not be made. */
export function folderState(path: string): FolderState {
  const { W_OK, X_OK, R_OK } = constants;
  const isThere = isFolder(path);
  if (isThere === undefined) {
    let above = dirname(path);
    while (isFolder(above) === undefined && dirname(above) !== above) above = dirname(above);
    return isFolder(above) === true && isAllowed(above, W_OK | X_OK) ? 'absent' : 'impossible';
  }
  if (!isThere || !isAllowed(path, R_OK | X_OK)) return 'unusable';
  return isAllowed(path, W_OK) ? 'writable' : 'read-only';
}

interface Folder {
  readonly check: string;
  readonly path: string;
  readonly variable: string;
  /** What does not work where it cannot be written. */
  readonly cost: string;
  readonly isNeeded: boolean;
}

export function checkFolders(settings: Settings): Check[] {
  const folders: Folder[] = [
    {
      check: 'config-folder',
      path: settings.configDir,
      variable: 'JAYCLOUD_CONFIG_DIR',
      cost: 'no login can be kept, and the daemon could go back to an older state unnoticed',
      isNeeded: findLogin(settings) === undefined,
    },
    {
      check: 'cache-folder',
      path: settings.cacheDir,
      variable: 'JAYCLOUD_CACHE_DIR',
      cost: 'every push reads every file',
      isNeeded: false,
    },
    {
      check: 'data-folder',
      path: settings.dataDir,
      variable: 'JAYCLOUD_DATA_DIR',
      cost: 'there can be no local vault',
      isNeeded: settings.isDefaultServer,
    },
  ];
  return folders.map(checkFolder);
}

function checkFolder({ check, path, variable, cost, isNeeded }: Folder): Check {
  const state = folderState(path);
  if (state === 'writable') return ok(check, `${path} can be written`);
  if (state === 'absent') return ok(check, `${path} is not there yet and is made when it is needed`);
  const said: Readonly<Record<typeof state, string>> = {
    'read-only': 'cannot be written',
    impossible: 'is not there and cannot be made',
    unusable: 'is not a folder that can be read',
  };
  const message = `${path} ${said[state]}: ${cost}`;
  const hint = `set ${variable} to a folder that can be written`;
  return isNeeded || state === 'unusable' ? fail(check, message, hint) : note(check, message, hint);
}

export function checkZstd(): Check {
  if (loadNativeZstd() !== undefined) return ok('zstd-napi', 'compression runs as native code');
  return note(
    'zstd-napi',
    'the package is not installed or not built for this Node: compression runs as WebAssembly, which is slower',
    'npm rebuild zstd-napi',
  );
}

export function checkSystemCalls(): Check {
  if (systemCalls() !== undefined) return ok('koffi', 'times to the nanosecond, and holes of sparse files');
  const cost = 'times keep about a quarter of a microsecond, and holes of sparse files are read as zeros';
  if (process.platform !== 'linux') return note('koffi', `used on Linux only: ${cost}`);
  return note('koffi', `the package is not installed: ${cost}`, 'npm install koffi');
}

export async function checkKeychainPackage(): Promise<Check> {
  const fault = await findKeychainPackageFault();
  if (fault === undefined) return ok('keytar', 'the package for the keychain is there');
  return note('keytar', `${fault.reason} (${fault.detail}): credentials are kept in a file`);
}

export function checkVaultDriver(isPresent: boolean, { server }: Settings): Check {
  if (isPresent) return ok('better-sqlite3', 'local vaults can be used');
  const message = 'the package is not installed or not built for this Node: only daemons can be used, no local vaults';
  const hint = 'npm rebuild better-sqlite3';
  return server.startsWith('file:') ? fail('better-sqlite3', message, hint) : note('better-sqlite3', message, hint);
}

export function checkVariables(names: readonly string[]): Check {
  return ok('environment', names.length === 0 ? 'no variable of JayCloud is set' : `set: ${names.join(', ')}`);
}
