// Makes a rename or a new file in a folder survive a power cut (docs/storage.md, "Write order").
import { open } from 'node:fs/promises';

export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder for this; NTFS journals the rename itself.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
