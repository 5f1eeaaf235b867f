// Where a request comes from (docs/proof-of-work.md, "Surcharges"), and whether its client still waits.
import type { Context } from 'hono';
import { networkOf } from './admission/network-prefix.js';

interface RequestEnv {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string; readonly destroyed?: boolean } };
}

export type ClientNetwork = (c: Context) => string | undefined;

/**
 * `isForwarded`: a proxy in front puts the address of its client at the end of `X-Forwarded-For`; anything before that is
 * the client's own word. Otherwise the address is that of the socket; without a socket there is none.
 */
export function createClientNetwork(isForwarded: boolean): ClientNetwork {
  return (c) => {
    if (isForwarded) return networkOf(c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim());
    return networkOf((c.env as RequestEnv).incoming?.socket?.remoteAddress);
  };
}

/** True once the connection of a request has broken: what it would be given now is lost. */
export function goneOf(c: Context): () => boolean {
  const { incoming } = c.env as RequestEnv;
  return () => incoming?.socket?.destroyed === true;
}
