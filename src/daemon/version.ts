// The package's version, as `health` and `--version` report it.
import { readFileSync } from 'node:fs';
import * as z from '../protocol/packages/zod.js';

export function readVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, 'utf8'))).version;
}
