// Stores the nodes of a manifest, children before parents. A node may only be stored after everything that it refers to, so
// nodes wait for what was sealed before them; the pusher need not, and goes on meanwhile.
import type { SealedBlob } from '../seal.js';
import type { BlobSender } from './blob-sender.js';

/** So many bytes of nodes are worth requests of their own. */
const aheadBytesMin = 1024 * 1024;

export class NodeSender {
  readonly #sender: BlobSender;
  #nodes: SealedBlob[] = [];
  #sent: Promise<void> = Promise.resolve();
  #hasSent = false;
  /** Bytes of nodes that are not yet on their way. */
  waitingBytes = 0;

  constructor(sender: BlobSender) {
    this.#sender = sender;
  }

  /** Everything that the node refers to was handed to the blob sender before. */
  add(node: SealedBlob): void {
    this.#nodes.push(node);
    this.waitingBytes += node.blob.length;
  }

  /**
   * Sends nodes beside other work, once there are enough of them. Not before some blob was new: what has not changed at all
   * is known as a whole by its root, and asking for its nodes would be in vain.
   */
  sendAhead(): void {
    if (this.waitingBytes >= aheadBytesMin && this.#sender.counts.newBlobs > 0) this.#send();
  }

  /** True when some node was sent: the root is then to be sent too. */
  get hasSent(): boolean {
    return this.#hasSent;
  }

  /** Sends what is left; resolves when all nodes are stored, rejects with the first fault of any. */
  async finish(): Promise<void> {
    this.#send();
    await this.#sent;
  }

  #send(): void {
    const nodes = this.#nodes;
    this.#nodes = [];
    this.waitingBytes = 0;
    this.#hasSent = true;
    const stored = this.#sender.stored();
    const before = this.#sent;
    this.#sent = (async () => {
      await before;
      await stored;
      await this.#sender.sendNodes(nodes);
    })();
    // A fault shows in `finish`.
    this.#sent.catch(() => undefined);
  }
}
