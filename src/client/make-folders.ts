// Folders and their parents. Node's own `recursive` tries for ever where the parent is there and the folder cannot be made
// all the same, as below /proc.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes `path` and what is missing above it; nothing where it is a folder already. Throws the system's errors. */
export function makeFolders(path: string, mode = 0o777): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeFolders(parent, mode);
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(path).isDirectory()) return;
    throw error;
  }
}
