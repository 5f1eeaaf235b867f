// Names of users and groups from the system's own files: what `ls -l` shows on a machine without a directory service.
import { readFileSync } from 'node:fs';
import { sha256 } from '../../protocol/blob-id.js';
import { utf8 } from '../../protocol/bytes.js';

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // No such file on this system: ids alone are stored.
    return '';
  }
}

function namesIn(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (name !== undefined && id !== undefined && /^\d+$/.test(id) && !names.has(Number(id)))
      names.set(Number(id), name);
  }
  return names;
}

export interface OwnerNames {
  /** Empty where the id has no name. */
  user(uid: number): string;
  group(gid: number): string;
  /** Of all that names are taken from, 32 bytes. */
  readonly hash: Uint8Array;
}

export function readOwnerNames(): OwnerNames {
  const [userText, groupText] = [readText('/etc/passwd'), readText('/etc/group')];
  const [users, groups] = [namesIn(userText), namesIn(groupText)];
  return {
    user: (uid) => users.get(uid) ?? '',
    group: (gid) => groups.get(gid) ?? '',
    hash: sha256(utf8(`${userText}\0${groupText}`)),
  };
}
