// Names of users and groups from the system's own files: what `ls -l` shows on a machine without a directory service.
import { readFileSync } from 'node:fs';

function readNames(path: string): Map<number, string> {
  const names = new Map<number, string>();
  try {
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const [name, , id] = line.split(':');
      if (name !== undefined && id !== undefined && /^\d+$/.test(id) && !names.has(Number(id)))
        names.set(Number(id), name);
    }
  } catch {
    // No such file on this system: ids alone are stored.
  }
  return names;
}

export interface OwnerNames {
  /** Empty where the id has no name. */
  user(uid: number): string;
  group(gid: number): string;
}

export function readOwnerNames(): OwnerNames {
  const users = readNames('/etc/passwd');
  const groups = readNames('/etc/group');
  return { user: (uid) => users.get(uid) ?? '', group: (gid) => groups.get(gid) ?? '' };
}
