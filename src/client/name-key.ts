// What the daemon sees of names (docs/format.md, "Names"): parts under keys that descend with the name, so that the key of a
// prefix makes the paths of all names below it and tells nothing of others.
import { concatBytes, utf8 } from '../protocol/bytes.js';
import { namePartBytes } from '../protocol/limits.js';
import { isWithinPrefix, nameTagOf } from '../protocol/name-path.js';
import { ClientError } from './errors.js';
import { hmacSha256, labelled } from './hkdf.js';

/** A part ends behind each of these. */
const separators = '/._-';

/** `ci/build-7` is `ci/`, `build-`, `7`. */
function partsOf(name: string): string[] {
  return name.match(/[^/._-]*[/._-]|[^/._-]+$/gu) ?? [];
}

const partLabel = 'jaycloud/1/name-part';
const keyLabel = 'jaycloud/1/name-key';

interface Descent {
  readonly path: Uint8Array;
  readonly key: Uint8Array;
}

function descend(start: Descent, name: string): Descent {
  let { path, key } = start;
  for (const part of partsOf(name)) {
    const sealed = hmacSha256(key, labelled(partLabel, utf8(part))).subarray(0, namePartBytes);
    path = concatBytes(path, sealed);
    key = hmacSha256(key, labelled(keyLabel, utf8(part)));
  }
  return { path, key };
}

/** What a token that is kept to a prefix has of names. */
export interface NameKeyParts {
  /** As it was given: `ci` means the name `ci` and all names below `ci/`; `ci/` and `ci-` all names that begin so. */
  readonly prefix: string;
  /** Path of the name that is the prefix itself. */
  readonly exactPath: Uint8Array;
  /** Path and key of all that begins with the prefix, separator included. */
  readonly path: Uint8Array;
  readonly key: Uint8Array;
}

export class NameKey {
  readonly #parts: NameKeyParts;

  private constructor(parts: NameKeyParts) {
    this.#parts = parts;
  }

  /** For every name. `key` is the name key of the vault. */
  static ofVault(key: Uint8Array): NameKey {
    return new NameKey({ prefix: '', exactPath: new Uint8Array(), path: new Uint8Array(), key });
  }

  static fromParts(parts: NameKeyParts): NameKey {
    return new NameKey(parts);
  }

  get prefix(): string {
    return this.#parts.prefix;
  }

  /** Whether a path is that of a name within the prefix. */
  covers(path: Uint8Array): boolean {
    return isWithinPrefix(path, prefixTagsOf(this.#parts));
  }

  /** What a token that is kept to `prefix` needs. This key must not be kept to a prefix itself. */
  partsFor(prefix: string): NameKeyParts {
    if (prefix === '') return this.#parts;
    const { path, key } = descend(this.#parts, prefix + endOf(prefix));
    return { prefix, exactPath: descend(this.#parts, prefix).path, path, key };
  }

  /** Throws ClientError `forbidden` for a name outside the prefix. */
  pathOf(name: string): Uint8Array {
    const { prefix, exactPath } = this.#parts;
    if (name === prefix) return exactPath;
    const start = prefix + endOf(prefix);
    if (!name.startsWith(start)) {
      throw new ClientError(
        'forbidden',
        `this token may not use the name '${name}'`,
        `its names begin with '${start}': give one with --name`,
      );
    }
    return descend(this.#parts, name.slice(start.length)).path;
  }

  /** 32 bytes: equal for equal names alone. */
  tagOf(name: string): Uint8Array {
    return nameTagOf(this.pathOf(name));
  }
}

function endOf(prefix: string): string {
  return prefix === '' || separators.includes(prefix.at(-1) ?? '') ? '' : '/';
}

/** Where a certificate keeps a token with these parts to. */
export function prefixTagsOf({ prefix, exactPath, path }: NameKeyParts): Uint8Array[] {
  if (prefix === '') return [];
  return endOf(prefix) === '' ? [nameTagOf(path)] : [nameTagOf(exactPath), nameTagOf(path)];
}
