// What a vault log amounts to at one place (docs/format.md, "Who may write"): the identity, whom it has certified, which
// snapshots are live. Every entry is held against it before it counts.
import { bytesKey, equalBytes } from '../protocol/bytes.js';
import type { Certificate } from '../protocol/certificate.js';
import { ProtocolError } from '../protocol/errors.js';
import type { LogEntry } from '../protocol/log-entry.js';
import { checkMayWrite } from '../protocol/log-rules.js';

export interface LogAuthor {
  readonly certificate: Certificate;
  /** Of the entry with the certificate. */
  readonly certificateSeq: number;
}

export class LogState {
  /** Undefined while the log is empty: whoever wrote the first entry must be vouched for by the end of the log. */
  #identity: Uint8Array | undefined;
  /** Rotations so far: which of the vault's keys are in use. */
  #epoch = 0;
  #receivedAtMs = 0;
  /** Every key that was ever certified; `isEnded` where that was taken back. */
  readonly #authors = new Map<string, LogAuthor & { isEnded: boolean }>();
  readonly #livePaths = new Map<number, Uint8Array>();

  get identity(): Uint8Array | undefined {
    return this.#identity;
  }

  get epoch(): number {
    return this.#epoch;
  }

  isLive(seq: number): boolean {
    return this.#livePaths.has(seq);
  }

  /** Of a key that may write now. */
  findAuthor(publicKey: Uint8Array): LogAuthor | undefined {
    const author = this.#authors.get(bytesKey(publicKey));
    return author?.isEnded === false ? author : undefined;
  }

  /** All certificates that hold now. */
  authors(): LogAuthor[] {
    return [...this.#authors.values()].filter(({ isEnded }) => !isEnded);
  }

  /** Takes in the next entry. Throws ProtocolError where its author may not write it; then nothing has changed. */
  apply(entry: LogEntry, receivedAtMs: number): LogAuthor | undefined {
    const { change, seq } = entry;
    if (receivedAtMs < this.#receivedAtMs)
      throw new ProtocolError('malformed', 'it was received before the one before it');
    const author = this.findAuthor(entry.author);
    checkMayWrite(entry, {
      identityPublicKey: this.#identity ?? entry.author,
      certificate: author?.certificate,
      targetPath: change.op === 'delete' ? this.#livePaths.get(change.targetSeq) : undefined,
      receivedAtMs,
    });
    if (change.op === 'certify') this.#certify(change.certificate, seq);
    if (change.op === 'revoke') this.#revoke(change.targetSeqs);
    if (change.op === 'push') this.#livePaths.set(seq, change.namePath);
    if (change.op === 'delete') this.#livePaths.delete(change.targetSeq);
    this.#identity ??= entry.author;
    if (change.op === 'rotate') {
      for (const known of this.#authors.values()) known.isEnded = true;
      this.#identity = change.identityPublicKey;
      this.#epoch += 1;
    }
    this.#receivedAtMs = receivedAtMs;
    return author;
  }

  /** Throws ProtocolError `author-refused` where the log, as far as it goes, does not lead to `identity`. */
  checkIdentity(identity: Uint8Array): void {
    if (this.#identity !== undefined && !equalBytes(this.#identity, identity)) {
      throw new ProtocolError('author-refused', 'it is not signed for by the identity of the account');
    }
  }

  #certify(certificate: Certificate, certificateSeq: number): void {
    const key = bytesKey(certificate.publicKey);
    if (this.#authors.has(key)) throw new ProtocolError('author-refused', 'a key is certified twice');
    this.#authors.set(key, { certificate, certificateSeq, isEnded: false });
  }

  #revoke(targetSeqs: readonly number[]): void {
    const targets = [...this.#authors.values()].filter(
      ({ certificateSeq, isEnded }) => !isEnded && targetSeqs.includes(certificateSeq),
    );
    if (targets.length !== targetSeqs.length) {
      throw new ProtocolError('not-found', 'it revokes what is no certificate, or none any more');
    }
    for (const target of targets) target.isEnded = true;
  }
}
