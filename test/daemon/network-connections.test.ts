// No network can take all connections (docs/operating.md, "Limits").
import { expect, it } from 'vitest';
import { connectionsPerNetworkMax, NetworkConnections } from '../../src/daemon/network-connections.js';

it('refuses one connection too many of a network, and takes another when one has ended', () => {
  const connections = new NetworkConnections();
  const addresses = Array.from({ length: connectionsPerNetworkMax }, (_, i) => `192.0.2.${String(i % 256)}`);
  expect(addresses.every((address) => connections.open(address))).toBe(true);
  expect(connections.open('192.0.2.1')).toBe(false);
  expect(connections.open('::ffff:192.0.2.1')).toBe(false);
  expect(connections.open('198.51.100.1')).toBe(true);
  connections.close('192.0.2.200');
  expect(connections.open('192.0.2.1')).toBe(true);
  expect(connections.open('192.0.2.1')).toBe(false);
});

it('does not count loopback, nor what has no address any more', () => {
  const connections = new NetworkConnections();
  for (let i = 0; i < 2000; i += 1) {
    expect(connections.open('127.0.0.1')).toBe(true);
    expect(connections.open(undefined)).toBe(true);
  }
  connections.close('127.0.0.1');
  connections.close(undefined);
});
