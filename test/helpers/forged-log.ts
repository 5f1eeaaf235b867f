// A vault log as a daemon could make it up: any entry, signed with any key, chained and sealed as the format wants.
import { randomBytes } from 'node:crypto';
import { sha256 } from '../../src/protocol/blob-id.js';
import { fromBase64, fromHex, toBase64 } from '../../src/protocol/bytes.js';
import { type Certificate, scopes } from '../../src/protocol/certificate.js';
import { encodeLogEntry, hashLogEntry, type LogChange, signLogEntry } from '../../src/protocol/log-entry.js';
import type { ReadLogResponse } from '../../src/protocol/messages.js';
import type { TestSigner } from './log-chain.js';

export type WireEntry = ReadLogResponse['entries'][number];

const unlimited = { prefixTags: [], expiresAtMs: 0, quotaBytes: 0, isPushOnly: false };

export function certificateOf(signer: TestSigner, limits: Partial<Certificate> = {}): Certificate {
  return { kind: 'token', id: randomBytes(16), publicKey: signer.publicKey, scopes, ...unlimited, ...limits };
}

export class ForgedLog {
  readonly entries: WireEntry[];
  readonly #vaultId: Uint8Array;

  /** Goes on from entries that the daemon really has. */
  constructor(vaultId: string, entries: readonly WireEntry[] = []) {
    this.#vaultId = fromHex(vaultId);
    this.entries = [...entries];
  }

  get head(): Uint8Array {
    const last = this.entries.at(-1);
    return last === undefined ? new Uint8Array(32) : hashLogEntry(fromBase64(last.entry), fromBase64(last.signature));
  }

  add(signer: TestSigner, change: LogChange, body: Uint8Array = new Uint8Array(), receivedAt?: string): this {
    const entry = encodeLogEntry({
      vaultId: this.#vaultId,
      seq: this.entries.length + 1,
      previousHash: this.head,
      author: signer.publicKey,
      timeMs: 1_700_000_000_000,
      bodyHash: sha256(body),
      change,
    });
    this.entries.push({
      entry: toBase64(entry),
      signature: toBase64(signLogEntry(signer.key, entry)),
      body: toBase64(body),
      receivedAt: receivedAt ?? this.entries.at(-1)?.receivedAt ?? new Date().toISOString(),
    });
    return this;
  }

  /** As the daemon answers `readLog`. */
  answer(afterSeq: number): ReadLogResponse {
    return { headSeq: this.entries.length, entries: this.entries.slice(afterSeq) };
  }
}
