// Connections of each network (docs/operating.md, "Limits"): none may take all that there are.
import type { Server, Socket } from 'node:net';
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

/** The last request of each connection that has had one; settles when it has been dealt with. */
export type UnderWay = WeakMap<Socket, Promise<void>>;

/** A connection counts until its last request has been dealt with: who does not wait for a late answer gains nothing. */
export function limitNetworks(server: Server, underWay: UnderWay): void {
  const connections = new NetworkConnections();
  server.on('connection', (socket: Socket) => {
    // The address is gone when the socket has closed.
    const address = socket.remoteAddress;
    if (!connections.open(address)) {
      socket.destroy();
      return;
    }
    socket.once('close', () => {
      void (underWay.get(socket) ?? Promise.resolve()).finally(() => {
        connections.close(address);
      });
    });
  });
}
