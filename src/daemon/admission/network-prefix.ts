// What stands for the network of a client in surcharges (docs/proof-of-work.md, "Surcharges"): /24 of IPv4, /56 of IPv6.
import { isIPv4, isIPv6 } from 'node:net';

/** Undefined for what is no address, and for loopback: a proxy on the same machine stands for everybody. */
export function networkOf(address: string | undefined): string | undefined {
  const bare = address?.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '') ?? '';
  if (isIPv4(bare)) return bare.startsWith('127.') ? undefined : `${bare.split('.').slice(0, 3).join('.')}.0/24`;
  if (!isIPv6(bare) || bare === '::1') return undefined;
  const groups = groupsOf(bare);
  const prefix = groups.slice(0, 4).map((group, i) => (i === 3 ? group & 0xff00 : group).toString(16));
  return `${prefix.join(':')}::/56`;
}

function groupsOf(address: string): number[] {
  // The last 32 bits may be written as IPv4; they are no part of the prefix.
  const [head = '', tail] = address.replace(/:[\d.]+\.[\d.]+$/, ':0:0').split('::');
  const parse = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [parse(head), parse(tail ?? '')];
  return [...before, ...new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after];
}
