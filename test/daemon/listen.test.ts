// The daemon behind a real socket (docs/operating.md): early answers arrive, lost connections leave nothing, stopping waits.
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Listener, listen } from '../../src/daemon/listen.js';
import { grantHeader } from '../../src/protocol/endpoints.js';
import { uploadBytesMax } from '../../src/protocol/limits.js';
import { leafBlob, streamOf } from '../helpers/blobs.js';
import { anyGrant, filesOf, openTestDaemon, type TestCaller, type TestDaemon } from '../helpers/daemon-fixture.js';

let daemon: TestDaemon;
let ann: TestCaller;
let listener: Listener;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ann = daemon.addCaller('ann');
  listener = await listen(daemon.app, { host: '127.0.0.1', port: 0, tls: null });
});

afterEach(async () => {
  await listener.stop(AbortSignal.abort());
  await daemon.close();
});

function upload(headers: Record<string, string> = {}): ClientRequest {
  return request(`${listener.url}/v1/blobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ann.secretText}`, [grantHeader]: anyGrant, ...headers },
  });
}

async function answerTo(sent: ClientRequest): Promise<{ status: number | undefined; text: string }> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return { status: response.statusCode, text: Buffer.concat(pieces).toString() };
}

async function waitFor(isDone: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('waited in vain');
}

describe('a listening daemon', () => {
  test('begins one request of a connection at a time, however many were sent ahead', async () => {
    const app = new Hono();
    let [underWay, most] = [0, 0];
    app.get('/turn/:place', async (c) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setTimeout(resolve, 10));
      underWay -= 1;
      return c.text(`place ${c.req.param('place')};`);
    });
    const busy = await listen(app, { host: '127.0.0.1', port: 0, tls: null });
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(busy.url).port) });
    const ask = (place: number, more = ''): string => `GET /turn/${String(place)} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
    socket.write(ask(1) + ask(2) + ask(3) + ask(4, 'connection: close\r\n'));
    const pieces: Buffer[] = [];
    for await (const piece of socket) pieces.push(piece as Buffer);
    await busy.stop(AbortSignal.abort());
    expect(
      Buffer.concat(pieces)
        .toString()
        .match(/place \d/g),
    ).toEqual(['place 1', 'place 2', 'place 3', 'place 4']);
    expect(most).toBe(1);
  });

  test('takes an upload of many megabytes', async () => {
    const blobs = Array.from({ length: 8 }, () => leafBlob(4_000_000));
    const sent = upload();
    sent.end(streamOf(blobs));
    expect(await answerTo(sent)).toEqual({ status: 200, text: '{"states":"ssssssss"}' });
  });

  test('a sender that is refused early still gets to see why', async () => {
    const body = Buffer.alloc(uploadBytesMax - 1);
    const loggedOut = upload({ authorization: 'Bearer none' });
    loggedOut.end(body);
    expect(await answerTo(loggedOut)).toMatchObject({ status: 401 });
    const nonsense = upload();
    nonsense.end(body);
    expect(await answerTo(nonsense)).toMatchObject({ status: 422 });
    const tooLong = upload({ 'content-length': String(uploadBytesMax + 1) });
    tooLong.write(body);
    tooLong.end('xx');
    expect(await answerTo(tooLong)).toMatchObject({ status: 413 });
  });

  test('a connection that is cut in the middle of an upload leaves no file', async () => {
    const sent = upload({ 'content-length': '4000000' });
    sent.on('error', () => undefined);
    sent.write(streamOf([leafBlob(1_000_000)]));
    await waitFor(async () => (await filesOf(daemon.dataDir)).temps.length === 1);
    sent.destroy();
    await waitFor(async () => (await filesOf(daemon.dataDir)).temps.length === 0);
    expect((await filesOf(daemon.dataDir)).packs).toEqual([]);
  });

  test('stopping waits for the request under way and takes no new one', async () => {
    const body = streamOf([leafBlob(1_000_000)]);
    const sent = upload();
    sent.write(body.subarray(0, 500_000));
    await waitFor(async () => (await filesOf(daemon.dataDir)).temps.length === 1);
    const stopped = listener.stop(new AbortController().signal);
    const late = upload();
    await expect(once(late.end(), 'response')).rejects.toThrow(/ECONNREFUSED/);
    sent.end(body.subarray(500_000));
    expect(await answerTo(sent)).toEqual({ status: 200, text: '{"states":"s"}' });
    await stopped;
  });

  test('a second signal cuts what is under way', async () => {
    const atOnce = new AbortController();
    const sent = upload();
    const failed = once(sent, 'error');
    sent.write(streamOf([leafBlob(1_000_000)]).subarray(0, 500_000));
    await waitFor(async () => (await filesOf(daemon.dataDir)).temps.length === 1);
    const stopped = listener.stop(atOnce.signal);
    atOnce.abort();
    await stopped;
    await failed;
    await waitFor(async () => (await filesOf(daemon.dataDir)).temps.length === 0);
  });

  test('a port in use is an error, not a crash', async () => {
    const port = Number(new URL(listener.url).port);
    await expect(listen(daemon.app, { host: '127.0.0.1', port, tls: null })).rejects.toThrow(/EADDRINUSE/);
  });
});
