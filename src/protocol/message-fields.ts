// What messages are made of (docs/protocol.md, "Encodings"), and how they are read. Binary fields are URL-safe base64 without
// padding, ids 32 lower-case hex digits, times ISO 8601 in UTC.
import { ProtocolError } from './errors.js';
import { accountNamePattern } from './limits.js';
import * as z from './packages/zod.js';

/**
 * For runs of thousands of ids: only their length is looked at here. `fromBase64` refuses every other spelling with the same
 * `malformed`, and looking at each letter twice is a tenth of what a query costs.
 */
export const base64Run = (bytesMax: number) => z.string().check(z.maxLength(Math.ceil((bytesMax * 4) / 3)));
export const base64Text = (bytesMax: number) => base64Run(bytesMax).check(z.regex(/^[A-Za-z0-9_-]*$/));
export const base64Of = (bytes: number) => base64Text(bytes).check(z.length(Math.ceil((bytes * 4) / 3)));
export const entityId = z.string().check(z.regex(/^[0-9a-f]{32}$/));
export const accountName = z.string().check(z.regex(accountNamePattern));
export const opaqueText = base64Text(4096);
export const time = z.iso.datetime();

/** Turns a schema into a parser whose only failure is `malformed`, and whose message never repeats the input. */
export function parser<T>(schema: z.ZodMiniType<T>): (value: unknown) => T {
  return (value) => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const where = result.error.issues[0]?.path.map(String).join('.') ?? '';
    throw new ProtocolError('malformed', where === '' ? 'body has the wrong shape' : `field '${where}' is not valid`);
  };
}
