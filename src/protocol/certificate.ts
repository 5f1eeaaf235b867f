// What the identity of an account lets another key do in a vault (docs/format.md, "Certificates"): part of a log entry, so
// the identity has signed it and its place in the order is known.
import { ProtocolError } from './errors.js';
import { bytesOf, countOf, listOf } from './log-fields.js';

/** In the order in which certificates and commands list them. */
export const scopes = ['push', 'list', 'pull', 'forget'] as const;
export type Scope = (typeof scopes)[number];

export interface Certificate {
  readonly kind: 'session' | 'token';
  /** Of the session or token, 16 bytes. */
  readonly id: Uint8Array;
  /** Ed25519: what it signs with. */
  readonly publicKey: Uint8Array;
  readonly scopes: readonly Scope[];
  /** `namePathNodes` that its names must pass through; none where every name is allowed. */
  readonly prefixTags: readonly Uint8Array[];
  /** Milliseconds since 1970 by the daemon's clock; 0 for never. */
  readonly expiresAtMs: number;
  /** Logical bytes that it may add; 0 for no limit. */
  readonly quotaBytes: number;
  /** Its holder has no key that opens anything. */
  readonly isPushOnly: boolean;
}

const kinds = ['session', 'token'] as const;
const prefixTagsMax = 2;

export function encodeCertificate(certificate: Certificate): unknown[] {
  const { kind, id, publicKey, prefixTags, expiresAtMs, quotaBytes, isPushOnly } = certificate;
  return [kind, id, publicKey, [...certificate.scopes], [...prefixTags], expiresAtMs, quotaBytes, isPushOnly];
}

/** Throws ProtocolError `malformed` for what no identity would sign. */
export function decodeCertificate(value: unknown): Certificate {
  const fields = listOf(value, 8, 8);
  const kind = kinds.find((known) => known === fields[0]);
  const named = listOf(fields[3], 1, scopes.length);
  const granted = scopes.filter((scope) => named.includes(scope));
  const isPushOnly = fields[7];
  // One spelling each: in order, none twice, none unknown.
  const isInOrder = granted.length === named.length && granted.every((scope, at) => scope === named[at]);
  if (kind === undefined || !isInOrder || typeof isPushOnly !== 'boolean') {
    throw new ProtocolError('malformed', 'certificate has an unknown kind or scope');
  }
  const certificate = {
    kind,
    id: bytesOf(fields[1], 16),
    publicKey: bytesOf(fields[2], 32),
    scopes: granted,
    prefixTags: listOf(fields[4], 0, prefixTagsMax).map((tag) => bytesOf(tag, 32)),
    expiresAtMs: countOf(fields[5]),
    quotaBytes: countOf(fields[6]),
    isPushOnly,
  };
  checkCertificate(certificate);
  return certificate;
}

function checkCertificate({ kind, ...certificate }: Certificate): void {
  const { prefixTags, expiresAtMs, quotaBytes, isPushOnly } = certificate;
  const isLimited = prefixTags.length > 0 || expiresAtMs > 0 || quotaBytes > 0 || isPushOnly;
  const isWholeSession = certificate.scopes.length === scopes.length && !isLimited;
  if (kind === 'session' && !isWholeSession) {
    throw new ProtocolError('malformed', 'a session may do everything that its account may');
  }
  if (isPushOnly && certificate.scopes.join() !== 'push') {
    throw new ProtocolError('malformed', 'who can only push has no other scope');
  }
}
