// Small trees of bytes that do not compress, the same for the same seed.
import { createCipheriv } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../report.js';
import { sha256 } from './tokens.js';

export const treeFiles = 20;
const fileBytesMin = 20_000;
const fileBytesMax = 80_000;
const changedFiles = 4;

function randomFile(name) {
  const random = seededRandom(sha256(name).readUInt32BE(0));
  const sizeBytes = Math.floor(fileBytesMin + random() * (fileBytesMax - fileBytesMin));
  return createCipheriv('aes-256-ctr', sha256('file', name), Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

export function makeTree(folder, seed) {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < treeFiles; i += 1) writeFileSync(join(folder, `file-${i}`), randomFile(`${seed} ${i}`));
}

/** Replaces a few files; returns how many bytes are new. */
export function changeTree(folder, seed) {
  const random = seededRandom(sha256(seed).readUInt32BE(0));
  const first = Math.floor(random() * treeFiles);
  let newBytes = 0;
  for (let i = 0; i < changedFiles; i += 1) {
    const bytes = randomFile(`${seed} changed ${i}`);
    writeFileSync(join(folder, `file-${(first + 5 * i) % treeFiles}`), bytes);
    newBytes += bytes.length;
  }
  return newBytes;
}
