// What one call of the daemon is made of.

/** Bytes have gone into a connection, or come out of one. */
export type OnMoved = (bytes: number) => void;
/** In the order asked; undefined for one that the daemon does not give. */
export type GivenBlobs = (Uint8Array | undefined)[];

export interface Call {
  readonly path?: string;
  readonly json?: unknown;
  readonly body?: readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the answer is put; it may not be longer. */
  readonly memory?: Uint8Array;
  /** Hears of the bytes of `body` as they leave, or of those that come into `memory`. */
  readonly onMoved?: OnMoved | undefined;
}
