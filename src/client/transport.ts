// What carries one request to a daemon: HTTP (daemon-api.ts) or, for the embedded default, the daemon's app in this process.

export interface TransportRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parts of the body in order; kept by the caller until the answer, so that a retry can send them again. */
  readonly body: readonly Uint8Array[];
  readonly signal: AbortSignal | undefined;
  /** Hears of every part of a long body that a connection has taken, where there are connections. */
  readonly onSent?: ((bytes: number) => void) | undefined;
}

export interface TransportResponse {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** Must be read to the end or dropped by leaving the loop. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Transport {
  /** How messages name the daemon. */
  readonly server: string;
  /**
   * The shortest time that a connection took to stand so far, in milliseconds, 0 within one machine; undefined before, and
   * without connections.
   */
  readonly connectedInMs?: number | undefined;
  /** Resolves when the head of the answer is there; rejects when the daemon cannot be reached or the connection breaks. */
  send(request: TransportRequest): Promise<TransportResponse>;
  close(): Promise<void>;
}
