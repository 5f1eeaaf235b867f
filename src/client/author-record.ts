// What a vault's members read of an author (docs/format.md, "Certificates"): sealed beside its certificate, because labels
// and prefixes are words that the daemon need not know.
import { concatBytes } from '../protocol/bytes.js';
import { integrityError } from './errors.js';
import { frameKinds } from './frame.js';
import { type BodyContext, openBody, sealBody } from './sealed-body.js';
import { arrayField, decodeStrict, encodeStrict, textField } from './strict-cbor.js';

const version = 1;
const labelBytesMax = 200;
const prefixBytesMax = 200;

export interface AuthorRecord {
  /** A host name, or what the token was called. */
  readonly label: string;
  /** What the names of a token begin with; empty for all names. */
  readonly prefix: string;
}

/** 16 bytes each: the vault, and the session or token. */
export interface AuthorContext {
  readonly vaultId: Uint8Array;
  readonly entityId: Uint8Array;
}

function bodyContext({ vaultId, entityId }: AuthorContext): BodyContext {
  return { purpose: 'author', frameKind: frameKinds.authorRecord, context: concatBytes(vaultId, entityId) };
}

export function sealAuthorRecord(
  vaultPublicKey: Uint8Array,
  context: AuthorContext,
  record: AuthorRecord,
): Promise<Uint8Array> {
  return sealBody(vaultPublicKey, bodyContext(context), encodeStrict([version, record.label, record.prefix]));
}

/** Throws integrityError for a body that is not of this vault and author. */
export async function openAuthorRecord(
  hpkeSeed: Uint8Array,
  context: AuthorContext,
  body: Uint8Array,
): Promise<AuthorRecord> {
  const fields = arrayField(decodeStrict(await openBody(hpkeSeed, bodyContext(context), body)), 3, 3);
  if (fields[0] !== version) throw integrityError('an author record of an unknown version');
  return { label: textField(fields[1], labelBytesMax), prefix: textField(fields[2], prefixBytesMax) };
}
