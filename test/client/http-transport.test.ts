// The client's connections (docs/decisions/0017-parts-of-undici.md), against a server that does as each test says.
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { createHttpTransport } from '../../src/client/http-transport.js';
import type { Transport } from '../../src/client/transport.js';

const request = { method: 'GET', path: '/', headers: {}, body: [], signal: undefined };

let server: Server | undefined;
let transport: Transport | undefined;

afterEach(async () => {
  await transport?.close();
  server?.closeAllConnections();
  server?.close();
});

async function transportTo(answer: RequestListener): Promise<Transport> {
  const listening = createServer(answer);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  transport = await createHttpTransport(`http://127.0.0.1:${String((listening.address() as AddressInfo).port)}`);
  return transport;
}

async function read(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

test('a body of several parts travels whole, with its length', async () => {
  const daemon = await transportTo((asked: IncomingMessage, answer: ServerResponse) => {
    void read(asked).then((text) => {
      answer.setHeader('x-length', asked.headers['content-length'] ?? 'none').end(`${asked.method ?? ''} ${text}`);
    });
  });
  const body = [Buffer.from('one, '), Buffer.from('two')];
  const posted = await daemon.send({ ...request, method: 'POST', headers: { 'content-type': 'text/plain' }, body });
  expect([posted.status, posted.header('x-length'), await read(posted.body)]).toEqual([200, '8', 'POST one, two']);
  const got = await daemon.send(request);
  expect([got.header('x-length'), got.header('absent'), await read(got.body)]).toEqual(['none', undefined, 'GET ']);
});

test('an answer that is cut short fails where it is read, and a connection that breaks before it where it is sent', async () => {
  const daemon = await transportTo((asked, answer) => {
    if (asked.url === '/none') asked.socket.destroy();
    else {
      answer.writeHead(200, { 'content-length': '10' }).write('half');
      setTimeout(() => asked.socket.destroy(), 50);
    }
  });
  const response = await daemon.send(request);
  expect(response.status).toBe(200);
  await expect(read(response.body)).rejects.toThrow();
  await expect(daemon.send({ ...request, path: '/none' })).rejects.toThrow();
});

test('no more than 40 connections are open, and closing ends what waits and opens none', async () => {
  let arrived = 0;
  const daemon = await transportTo(() => {
    arrived += 1;
  });
  const sent = Array.from({ length: 50 }, () => daemon.send(request));
  const outcomes = Promise.allSettled(sent);
  for (let tries = 0; arrived < 40 && tries < 200; tries += 1) await sleep(10);
  await daemon.close();
  expect((await outcomes).map(({ status }) => status)).toEqual(sent.map(() => 'rejected'));
  await sleep(50);
  expect(arrived).toBe(40);
});

test('a signal ends a request and the reading of an answer', async () => {
  const daemon = await transportTo((asked, answer) => {
    if (asked.url === '/begun') answer.writeHead(200).write('begun');
  });
  const first = new AbortController();
  const waiting = daemon.send({ ...request, signal: first.signal });
  setTimeout(() => {
    first.abort();
  }, 30);
  await expect(waiting).rejects.toThrow(/abort/);
  const second = new AbortController();
  const response = await daemon.send({ ...request, path: '/begun', signal: second.signal });
  const reading = read(response.body);
  setTimeout(() => {
    second.abort();
  }, 30);
  await expect(reading).rejects.toThrow(/abort/);
});

test('within one machine a connection takes no time, however busy that is', async () => {
  const daemon = await transportTo((_asked, answer) => answer.end());
  const sent = daemon.send(request);
  // The connection stands long before anybody here can notice.
  const busyUntil = performance.now() + 100;
  await sleep(1);
  while (performance.now() < busyUntil);
  await read((await sent).body);
  expect(daemon.connectedInMs).toBe(0);
});
