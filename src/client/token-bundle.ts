// The bundle of a token (docs/format.md, "Token bundles"): the keys that its holder needs, sealed under the token's secret
// and kept by the daemon. It holds no more than the scopes ask for; one that can only push has no key that opens anything.
import { concatBytes } from '../protocol/bytes.js';
import { openEnvelope, sealEnvelope } from './envelope.js';
import { ClientError, integrityError } from './errors.js';
import type { DomainKeys } from './key-hierarchy.js';
import type { NameKeyParts } from './name-key.js';
import { arrayField, bytesField, decodeStrict, encodeStrict, textField } from './strict-cbor.js';

const version = 1;
const keyBytes = 32;
const nameBytesMax = 200;
const pathBytesMax = 3200;
/** Keys of a vault before and after rotations. */
const epochsMax = 64;

export interface TokenBundle {
  /** Ed25519: who certifies in this vault. */
  readonly identityPublicKey: Uint8Array;
  /** X25519: what records are sealed to. */
  readonly vaultPublicKey: Uint8Array;
  readonly names: NameKeyParts;
  /** Where a token that may push keeps what is not shared with everyone. */
  readonly domain: DomainKeys | undefined;
  /** Seeds that open records, oldest first; none where nothing may be read. */
  readonly hpkeSeeds: readonly Uint8Array[];
}

function contextOf(tokenId: Uint8Array, vaultId: Uint8Array): Uint8Array {
  return concatBytes(tokenId, vaultId);
}

/** Which token of which vault a bundle belongs to: 16 bytes each. */
export interface BundleContext {
  readonly tokenId: Uint8Array;
  readonly vaultId: Uint8Array;
}

export function sealTokenBundle(
  bundleKey: Uint8Array,
  { tokenId, vaultId }: BundleContext,
  bundle: TokenBundle,
): Uint8Array {
  const { names, domain } = bundle;
  const plain = encodeStrict([
    version,
    bundle.identityPublicKey,
    bundle.vaultPublicKey,
    [names.prefix, names.exactPath, names.path, names.key],
    domain === undefined ? [] : [domain.dedupSalt, domain.chunkerSecret],
    [...bundle.hpkeSeeds],
  ]);
  return sealEnvelope(bundleKey, 'token', contextOf(tokenId, vaultId), plain);
}

/** Throws integrityError for what is not the bundle of this very token. */
export function openTokenBundle(bundleKey: Uint8Array, context: BundleContext, sealed: Uint8Array): TokenBundle {
  let plain: Uint8Array;
  try {
    plain = openEnvelope(bundleKey, 'token', contextOf(context.tokenId, context.vaultId), sealed);
  } catch (cause) {
    if (!(cause instanceof ClientError)) throw cause;
    throw integrityError('the daemon keeps a bundle that is not that of this token', cause);
  }
  const fields = arrayField(decodeStrict(plain), 6, 6);
  if (fields[0] !== version) throw integrityError('a token bundle of an unknown version');
  const names = arrayField(fields[3], 4, 4);
  const domain = arrayField(fields[4], 0, 2).map((key) => bytesField(key, keyBytes, keyBytes));
  const [dedupSalt, chunkerSecret] = domain;
  return {
    identityPublicKey: bytesField(fields[1], keyBytes, keyBytes),
    vaultPublicKey: bytesField(fields[2], keyBytes, keyBytes),
    names: {
      prefix: textField(names[0], nameBytesMax),
      exactPath: bytesField(names[1], 0, pathBytesMax),
      path: bytesField(names[2], 0, pathBytesMax),
      key: bytesField(names[3], keyBytes, keyBytes),
    },
    domain: dedupSalt === undefined || chunkerSecret === undefined ? undefined : { dedupSalt, chunkerSecret },
    hpkeSeeds: arrayField(fields[5], 0, epochsMax).map((seed) => bytesField(seed, keyBytes, keyBytes)),
  };
}
