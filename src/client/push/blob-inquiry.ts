// Asks which blobs a daemon has, and claims those that others stored, by proof of possession (docs/protocol.md).
import { concatBytes, fromBase64, fromHex, toBase64 } from '../../protocol/bytes.js';
import { blobIdBytes } from '../../protocol/limits.js';
import type { DaemonApi } from '../daemon-api.js';
import { proofOf } from './claim-proof.js';
import type { GrantBroker } from './grant-broker.js';

interface Recorded {
  /** The blob's record, with its id in front. */
  readonly record: Uint8Array;
}

/** What the daemon says of blobs; each is in one of the lists. */
export interface Known<T> {
  /** The vault has it. */
  readonly owned: readonly T[];
  /** Others have it. */
  readonly claimable: readonly T[];
  readonly missing: readonly T[];
  /** To prove with that one has a claimable blob. */
  readonly nonce: string;
}

export class BlobInquiry {
  readonly #api: DaemonApi;
  readonly #broker: GrantBroker;
  readonly #vaultId: Uint8Array;

  /** `vaultId`: 32 hex digits. */
  constructor(api: DaemonApi, broker: GrantBroker, vaultId: string) {
    this.#api = api;
    this.#broker = broker;
    this.#vaultId = fromHex(vaultId);
  }

  /** One letter a blob: `o` the vault has it, `c` others have it, `m` nobody has. */
  query(ids: readonly Uint8Array[]) {
    return this.#broker.spend('query', { bytes: 0, blobs: 0, ids: ids.length }, (grant) =>
      this.#api.queryBlobs(grant, ids),
    );
  }

  async ask<T extends Recorded>(asked: readonly T[]): Promise<Known<T>> {
    const { states, nonce } = await this.query(asked.map(({ record }) => record.subarray(0, blobIdBytes)));
    const inState = (state: string) => asked.filter((_blob, at) => states[at] === state);
    return { owned: inState('o'), claimable: inState('c'), missing: inState('m'), nonce };
  }

  /** Whatever cannot be claimed the daemon wants to see whole after all. */
  async claim<T extends Recorded>({
    claimable,
    nonce: nonceText,
  }: Known<T>): Promise<{ claimed: readonly T[]; refused: readonly T[] }> {
    if (claimable.length === 0) return { claimed: [], refused: [] };
    const nonce = fromBase64(nonceText);
    const proofs = claimable.map(({ record }) => proofOf(record, nonce, this.#vaultId));
    const request = { nonce: nonceText, proofs: toBase64(concatBytes(...proofs)) };
    const { states } = await this.#api.claimBlobs(request, claimable.length);
    const isClaimed = (_blob: T, at: number) => states[at] === 'o';
    return { claimed: claimable.filter(isClaimed), refused: claimable.filter((blob, at) => !isClaimed(blob, at)) };
  }
}
