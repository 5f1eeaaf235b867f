// The pack file to the byte (docs/storage.md, "Packs"): a header of 8 bytes, then per blob `id 32 | length u32 | blob`.
// A record looks exactly like one blob of a download stream, so neighbours travel as they lie on disk.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { equalBytes, toHex } from '../../protocol/bytes.js';

/** "JCPACK", version 1, zero. */
const packHeader = Uint8Array.of(0x4a, 0x43, 0x50, 0x41, 0x43, 0x4b, 1, 0);

export const packHeaderBytes = packHeader.length;

export function encodePackHeader(): Uint8Array<ArrayBuffer> {
  return packHeader.slice();
}

export function isPackHeader(bytes: Uint8Array): boolean {
  return equalBytes(bytes, packHeader);
}

/** 32 hex digits, random: two processes never meet on a name. */
export function createPackId(): string {
  return toHex(randomBytes(16));
}

/** `DATA/packs/ab/<pack id>.pack`, where `ab` are the first two digits of the id. */
export function packPath(dataDir: string, packId: string): string {
  return join(packFolder(dataDir, packId), `${packId}.pack`);
}

export function packFolder(dataDir: string, packId: string): string {
  return join(packsFolder(dataDir), packId.slice(0, 2));
}

export function packsFolder(dataDir: string): string {
  return join(dataDir, 'packs');
}

/** Unfinished packs, and nothing else, lie in `DATA/tmp`. */
export function tempFolder(dataDir: string): string {
  return join(dataDir, 'tmp');
}
