// Values as people read them. Nearly all paths are ASCII, and lists have a million of them: those take no decoder.
import { bytesKey } from '../protocol/bytes.js';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a path of plain ASCII, the same for people and programs; undefined for any other. */
function plainPath(path: Uint8Array): string | undefined {
  const characters = bytesKey(path);
  return /^[ -~]*$/.test(characters) ? characters : undefined;
}

/** A path for a terminal: bytes that are not UTF-8 and control characters are escaped, so that no name can play tricks. */
export function printablePath(path: Uint8Array): string {
  const plain = plainPath(path);
  if (plain !== undefined) return plain;
  const escapeByte = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;
  let text: string;
  try {
    text = strictUtf8.decode(path);
  } catch {
    return [...path]
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escapeByte(byte)))
      .join('');
  }
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    [...Buffer.from(character)].map(escapeByte).join(''),
  );
}

/** A path in JSON: text, and its exact bytes beside it where they are not UTF-8. */
export function jsonPath(path: Uint8Array): { path: string; pathBase64?: string } {
  const plain = plainPath(path);
  if (plain !== undefined) return { path: plain };
  const text = Buffer.from(path).toString('utf8');
  if (Buffer.compare(Buffer.from(text), path) === 0) return { path: text };
  return { path: text, pathBase64: Buffer.from(path).toString('base64') };
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units: 1.3 GB is 1,300,000,000 bytes. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? value.toFixed(0) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** By hand: the first number that `toLocaleString` writes takes 17 ms. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')} ${count === 1 ? one : many}`;
}

export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 120) return `${String(whole)} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 120 ? `${String(minutes)} min` : `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
}

/** Local time to the second, as `ls` shows it. */
export function formatTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number) => (value < 10 ? `0${String(value)}` : String(value));
  const day = `${String(date.getFullYear())}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A word that a POSIX shell reads back as this text. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
