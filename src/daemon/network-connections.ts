// Connections of each network (docs/operating.md, "Limits"): none may take all that there are.
import { networkOf } from './admission/network-prefix.js';

export const connectionsPerNetworkMax = 256;

export class NetworkConnections {
  readonly #counts = new Map<string, number>();

  /**
   * Counts a connection; false where its network has too many, and then it is not counted. Loopback has no limit: a proxy
   * there stands for everybody.
   */
  open(address: string | undefined): boolean {
    const network = networkOf(address);
    if (network === undefined) return true;
    const count = this.#counts.get(network) ?? 0;
    if (count >= connectionsPerNetworkMax) return false;
    this.#counts.set(network, count + 1);
    return true;
  }

  /** A counted connection has ended. */
  close(address: string | undefined): void {
    const network = networkOf(address);
    if (network === undefined) return;
    const count = (this.#counts.get(network) ?? 1) - 1;
    if (count === 0) this.#counts.delete(network);
    else this.#counts.set(network, count);
  }
}
