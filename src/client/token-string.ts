// A token as one printable string (docs/format.md, "Token strings"): a prefix that secret scanners find, a checksum that
// tells a slip from a forgery, and where the daemon is.
import { crc32 } from 'node:zlib';
import { concatBytes, utf8 } from '../protocol/bytes.js';
import { ClientError } from './errors.js';

export interface TokenString {
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** URL of the daemon, as the client that made the token named it. */
  readonly server: string;
}

const prefix = 'jct_';
const version = 1;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const base = BigInt(alphabet.length);
const idBytes = 16;
const secretBytes = 32;
const checksumBytes = 4;
const fixedBytes = 1 + idBytes + secretBytes + checksumBytes;
const serverBytesMax = 1024;
/** Base 62 takes less than 1.35 characters a byte. */
const charactersMax = prefix.length + Math.ceil((fixedBytes + serverBytesMax) * 1.35);

function checksumOf(bytes: Uint8Array): Uint8Array {
  const sum = new Uint8Array(checksumBytes);
  new DataView(sum.buffer).setUint32(0, crc32(bytes));
  return sum;
}

/** Throws ClientError `failed` where the address is too long for a token. */
export function formatToken({ id, secret, server }: TokenString): string {
  if (Buffer.byteLength(server) > serverBytesMax) {
    throw new ClientError('failed', 'the address of the daemon is too long for a token');
  }
  // The version comes first and is not zero, so no leading byte is lost.
  const body = concatBytes(Uint8Array.of(version), id, secret, utf8(server));
  let value = BigInt(`0x${Buffer.from(concatBytes(body, checksumOf(body))).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= base) text = alphabet.charAt(Number(value % base)) + text;
  return prefix + text;
}

function notAToken(hint: string): ClientError {
  return new ClientError('wrong-credential', 'this is not a whole token', hint);
}

/** Throws ClientError `wrong-credential` for anything that `formatToken` does not make; the message repeats nothing of it. */
export function parseToken(text: string): TokenString {
  const typed = text.trim();
  if (!typed.startsWith(prefix)) throw notAToken(`a token begins with ${prefix}`);
  if (typed.length > charactersMax) throw notAToken('it is too long');
  let value = 0n;
  for (const character of typed.slice(prefix.length)) {
    const digit = alphabet.indexOf(character);
    if (digit < 0) throw notAToken('it has letters and digits only: was something added or cut off?');
    value = value * base + BigInt(digit);
  }
  const hex = value.toString(16);
  const bytes = new Uint8Array(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));
  const body = bytes.subarray(0, -checksumBytes);
  const isWhole = bytes.length >= fixedBytes && Buffer.compare(checksumOf(body), bytes.subarray(-checksumBytes)) === 0;
  if (!isWhole) throw notAToken('its checksum is wrong: was something added or cut off?');
  if (body[0] !== version) throw notAToken('it is of a version that this program does not know');
  const token = {
    id: body.slice(1, 1 + idBytes),
    secret: body.slice(1 + idBytes, 1 + idBytes + secretBytes),
    server: Buffer.from(body.subarray(1 + idBytes + secretBytes)).toString('utf8'),
  };
  if (formatToken(token) !== typed) throw notAToken('it is not in its one valid form');
  return token;
}
