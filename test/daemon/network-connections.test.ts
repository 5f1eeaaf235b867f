// No network can take all connections (docs/operating.md, "Limits").
import { Server, Socket } from 'node:net';
import { expect, it } from 'vitest';
import {
  connectionsPerNetworkMax,
  limitNetworks,
  NetworkConnections,
  type UnderWay,
} from '../../src/daemon/network-connections.js';

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

it('counts a connection that has gone until its request has been dealt with', async () => {
  const server = new Server();
  const underWay: UnderWay = new WeakMap();
  limitNetworks(server, underWay);
  const arrive = (): Socket => {
    const socket = new Socket();
    Object.defineProperty(socket, 'remoteAddress', { value: '192.0.2.1' });
    server.emit('connection', socket);
    return socket;
  };
  const sockets = Array.from({ length: connectionsPerNetworkMax }, arrive);
  const [first, second] = sockets as [Socket, Socket];
  let dealWith: () => void = () => undefined;
  underWay.set(
    first,
    new Promise((resolve) => {
      dealWith = resolve;
    }),
  );
  first.destroy();
  await turn();
  expect(arrive().destroyed).toBe(true);
  dealWith();
  await turn();
  expect(arrive().destroyed).toBe(false);
  expect(arrive().destroyed).toBe(true);
  second.destroy();
  await turn();
  expect(arrive().destroyed).toBe(false);
  for (const socket of sockets) socket.destroy();
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
