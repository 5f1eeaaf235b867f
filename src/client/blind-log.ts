// The vault log for a token that may not read it: it knows where the log ends, and puts its own entries there. It notices a
// daemon that goes back behind what this token has seen; the rest is checked by whoever reads.
import { equalBytes, fromBase64 } from '../protocol/bytes.js';
import { hashLogEntry } from '../protocol/log-entry.js';
import { type LogHead, noHead, readSeenHead, rolledBack, writeSeenHead } from './seen-head.js';
import type { Vault } from './vault.js';
import type { WireEntry } from './vault-log.js';

export class BlindLog {
  readonly vault: Vault;
  #head: LogHead = noHead;

  private constructor(vault: Vault) {
    this.vault = vault;
  }

  static async read(vault: Vault): Promise<BlindLog> {
    const log = new BlindLog(vault);
    await log.refresh();
    return log;
  }

  get head(): LogHead {
    return this.#head;
  }

  /** Nothing can be known here. What is no longer held is found out when the snapshot is to be appended. */
  vouchesFor(): boolean {
    return true;
  }

  async refresh(): Promise<void> {
    const { seq, hash } = await this.vault.api.getHead();
    const head = { seq, hash: fromBase64(hash) };
    const seen = readSeenHead(this.vault);
    if (head.seq < seen.seq || (head.seq === seen.seq && !equalBytes(head.hash, seen.hash))) {
      throw rolledBack(this.vault, `it has seen ${String(seen.seq)} entries, the daemon has ${String(head.seq)}`);
    }
    this.#head = head;
  }

  /** Takes in an entry that the daemon has just accepted from us. */
  acknowledge(wire: WireEntry): { readonly hash: Uint8Array } {
    const hash = hashLogEntry(fromBase64(wire.entry), fromBase64(wire.signature));
    this.#head = { seq: this.#head.seq + 1, hash };
    writeSeenHead(this.vault, this.#head);
    return { hash };
  }
}
