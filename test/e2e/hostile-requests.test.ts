// What strangers send: every answer is one of the closed list of errors, none shows the inside, and the daemon goes on.
import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blobStreamType, endpoints, grantHeader } from '../../src/protocol/endpoints.js';
import { errorStatuses, isErrorCode } from '../../src/protocol/errors.js';
import { jsonBytesMax, uploadBytesMax } from '../../src/protocol/limits.js';
import { parseErrorResponse } from '../../src/protocol/messages.js';
import { credentialOf } from '../helpers/daemon-api.js';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Daemon, type Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;
let tree: string;
let secret: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  machine = await machineOf(daemon, 'bystander', 'register');
  tree = makeTempDir();
  writeFileSync(join(tree, 'file'), randomBytes(2_000_000));
  secret = credentialOf(machine).sessionSecret;
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
}

/** One request as it is; undefined where the daemon cut the connection instead of answering. */
function send({ method, path, headers = {}, body = new Uint8Array() }: Sent): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port: daemon.port, method, path, agent: false } as const;
    const isChunked = 'transfer-encoding' in headers;
    const lengthBytes = body.length > 0 && !isChunked ? { 'content-length': String(body.length) } : {};
    const outgoing = request({ ...options, headers: { ...lengthBytes, ...headers } }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, body: text });
      });
      incoming.on('error', () => {
        resolve(undefined);
      });
    });
    outgoing.on('error', () => {
      resolve(undefined);
    });
    outgoing.end(body);
  });
}

/** A refusal with a code of the closed list, the status that belongs to it, and nothing of the daemon's inside. */
function expectRefusal(answer: Answer | undefined, what: string): string {
  if (answer === undefined) throw new Error(`no answer: ${what}`);
  expect(answer.status, what).toBeGreaterThanOrEqual(400);
  expect(answer.status, `${what}: ${answer.body}`).toBeLessThan(500);
  if (answer.body === '') throw new Error(`${String(answer.status)} without a word: ${what}`);
  const { error } = parseErrorResponse(JSON.parse(answer.body));
  if (!isErrorCode(error.code)) throw new Error(`unknown code '${error.code}': ${what}`);
  expect(errorStatuses[error.code], what).toBe(answer.status);
  expect(answer.body).not.toMatch(/ {4}at |node_modules|\.js\b|SQLITE|\/tmp\//);
  return error.code;
}

const bearer = () => ({ authorization: `Bearer ${secret}` });
const json = (value: unknown) => new Uint8Array(Buffer.from(JSON.stringify(value)));
const all = Object.entries(endpoints);
const posts = all.filter(([, { method }]) => method === 'POST');
const withoutSession = new Set([
  'health',
  'startRegistration',
  'createAccount',
  'startLogin',
  'createSession',
  'startRecovery',
  'openRecovery',
  'finishRecovery',
]);
const pathOf = (path: string) => path.replace(':id', 'ab'.repeat(32));

async function expectDaemonWorks(name: string): Promise<void> {
  await machine.summary(['push', tree, '--name', name]);
  await machine.summary(['pull', name, `${name}-out`]);
  expectSameContents(tree, join(machine.home, `${name}-out`));
}

const wrongBodies: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', new Uint8Array()],
  ['no JSON', new Uint8Array(Buffer.from('{"account":'))],
  ['no UTF-8', Uint8Array.of(0x22, 0xff, 0xfe, 0x22)],
  ['null', json(null)],
  ['a list', json([])],
  ['a number', json(7)],
  ['an empty object', json({})],
  ['deep nesting', new Uint8Array(Buffer.from('['.repeat(100_000)))],
  ['a prototype', new Uint8Array(Buffer.from('{"__proto__":{"account":"x"},"constructor":1}'))],
  [
    'wrong types everywhere',
    json({
      account: 1,
      accountId: [],
      keys: 'x',
      label: {},
      proof: 7,
      purpose: 'bribe',
      binding: 0,
      grant: null,
      ids: 5,
      nonce: [],
      proofs: {},
      entry: false,
      signature: 1,
      body: [],
      loginId: 9,
      finishLoginRequest: 3,
      registrationRequest: null,
      startLoginRequest: 0,
      registrationRecord: 1,
    }),
  ],
  [
    'right types, wrong values',
    json({
      account: 'bystander',
      accountId: '0'.repeat(32),
      grant: '0'.repeat(32),
      ids: 'A',
      nonce: 'AAAA',
      proofs: 'AAAA',
      entry: 'AAAA',
      signature: 'A'.repeat(86),
      body: '',
      loginId: '0'.repeat(32),
      finishLoginRequest: 'AAAA',
      registrationRequest: 'AAAA',
      startLoginRequest: 'AAAA',
      registrationRecord: 'AAAA',
      label: '',
      proof: { token: 'AAAA', solutions: 'A' },
      purpose: 'upload',
    }),
  ],
];

describe('every endpoint', () => {
  test.each(posts)('%s refuses malformed bodies', async (name, { method, path }) => {
    for (const [what, body] of wrongBodies) {
      // Its one right body.
      if (name === 'takeTurn' && what === 'an empty object') continue;
      const headers = { ...bearer(), 'content-type': name === 'putBlobs' ? blobStreamType : 'application/json' };
      expectRefusal(await send({ method, path, headers, body }), `${name} with ${what}`);
    }
  });

  test.each(posts.filter(([name]) => name !== 'putBlobs'))(
    '%s refuses oversized bodies',
    async (name, { method, path }) => {
      const body = new Uint8Array(Buffer.from(JSON.stringify({ account: 'x'.repeat(jsonBytesMax) })));
      expect(expectRefusal(await send({ method, path, headers: bearer(), body }), name)).toBe('too-large');
      // Without a length beforehand the daemon has to count.
      const headers = { ...bearer(), 'transfer-encoding': 'chunked' };
      expect(expectRefusal(await send({ method, path, headers, body }), `${name} in chunks`)).toBe('too-large');
    },
  );

  test('putBlobs refuses a body beyond its limit and a grant that is none', async () => {
    const path = endpoints.putBlobs.path;
    const body = new Uint8Array(uploadBytesMax + 1);
    const code = expectRefusal(
      await send({ method: 'POST', path, headers: bearer(), body: body.subarray(0, 100) }),
      'no grant',
    );
    expect(code).toBe('grant-invalid');
    const unknown = { ...bearer(), [grantHeader]: '0'.repeat(32) };
    expectRefusal(await send({ method: 'POST', path, headers: unknown, body: body.subarray(0, 100) }), 'unknown grant');
    const { token } = JSON.parse(
      (
        await send({
          method: 'POST',
          path: endpoints.createChallenge.path,
          headers: bearer(),
          body: json({ purpose: 'upload' }),
        })
      )?.body ?? '',
    ) as { token: string };
    const { grant } = JSON.parse(
      (
        await send({
          method: 'POST',
          path: endpoints.createGrant.path,
          headers: bearer(),
          body: json({ proof: { token, solutions: '' } }),
        })
      )?.body ?? '',
    ) as { grant: string };
    const paid = { ...bearer(), [grantHeader]: grant, 'content-type': blobStreamType };
    expect(expectRefusal(await send({ method: 'POST', path, headers: paid, body }), 'too large')).toBe('too-large');
    // A stream whose first blob claims to be longer than any blob, and one that ends inside a blob.
    const header = Buffer.alloc(36);
    header.writeUInt32BE(0xffffffff, 32);
    expect(expectRefusal(await send({ method: 'POST', path, headers: paid, body: header }), 'endless blob')).toBe(
      'too-large',
    );
    header.writeUInt32BE(1000, 32);
    expect(expectRefusal(await send({ method: 'POST', path, headers: paid, body: header }), 'cut short')).toBe(
      'malformed',
    );
    const wrong = Buffer.concat([header, randomBytes(1000)]);
    expectRefusal(await send({ method: 'POST', path, headers: paid, body: wrong }), 'a blob that is none');
  });

  test.each(all.filter(([name]) => !withoutSession.has(name)))(
    '%s refuses callers without a session',
    async (name, { method, path }) => {
      for (const authorization of [
        undefined,
        '',
        'Bearer',
        'Basic eDp5',
        `Bearer ${'A'.repeat(43)}`,
        `bearer ${secret}x`,
      ]) {
        const headers = authorization === undefined ? {} : { authorization };
        const body =
          method === 'POST' ? json(name === 'createChallenge' ? { purpose: 'upload' } : {}) : new Uint8Array();
        expect(expectRefusal(await send({ method, path: pathOf(path), headers, body }), name)).toBe('unauthenticated');
      }
    },
  );

  test.each(all)('%s refuses requests of foreign sites', async (name, { method, path }) => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      const code = expectRefusal(
        await send({ method, path: pathOf(path), headers: { ...bearer(), ...headers } }),
        name,
      );
      expect(code).toBe('foreign-origin');
    }
  });

  test('unknown paths, methods and ids', async () => {
    for (const [method, path, code] of [
      ['GET', '/', 'not-found'],
      ['GET', '/v1/nothing', 'not-found'],
      ['PUT', '/v1/blobs', 'method-not-allowed'],
      ['GET', `/v1/blobs/${'AB'.repeat(32)}`, 'malformed'],
      ['GET', `/v1/blobs/${'a'.repeat(63)}`, 'malformed'],
      ['GET', '/v1/blobs/%00', 'malformed'],
      ['GET', '/v1/blobs/%zz', 'malformed'],
      ['GET', '/v1/log?after=-1', 'malformed'],
      ['GET', '/v1/log?after=1&after=2', 'malformed'],
      ['GET', '/v1/log?before=1', 'malformed'],
    ] as const)
      expect(expectRefusal(await send({ method, path, headers: bearer() }), path), `${method} ${path}`).toBe(code);
  });
});

const pick = <T>(values: readonly T[]): T => {
  const value = values[randomInt(values.length)];
  if (value === undefined) throw new Error('nothing to choose from');
  return value;
};

function randomRequest(): Sent {
  const [, endpoint] = pick(all);
  const path = pick([
    pathOf(endpoint.path),
    endpoint.path,
    `${endpoint.path}?${randomBytes(6).toString('hex')}`,
    `/${encodeURIComponent(randomBytes(9).toString('latin1'))}`,
  ]);
  const headers: Record<string, string> = {};
  if (randomInt(3) > 0) headers['authorization'] = pick([`Bearer ${secret}`, randomBytes(20).toString('base64')]);
  if (randomInt(4) === 0)
    headers['content-type'] = pick(['application/json', blobStreamType, 'text/html', randomBytes(8).toString('hex')]);
  if (randomInt(4) === 0) headers[grantHeader] = randomBytes(16).toString('hex');
  if (randomInt(8) === 0)
    headers['host'] = pick(['evil.example', '[::1', '%', 'a b', '::::', randomBytes(8).toString('hex')]);
  if (randomInt(8) === 0) headers[`x-${randomBytes(4).toString('hex')}`] = randomBytes(200).toString('base64');
  const body = pick([
    new Uint8Array(),
    randomBytes(randomInt(1, 3000)),
    pick(wrongBodies)[1],
    json({ ids: randomBytes(96).toString('base64url'), grant: randomBytes(16).toString('hex') }),
  ]);
  // Ending the bystander's own session would be obeyed.
  const method = pick([endpoint.method, 'GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'PATCH']);
  if (method === 'DELETE') return { method: 'GET', path, headers };
  return { method, path, headers, ...(method === 'GET' || method === 'HEAD' ? {} : { body }) };
}

const memoryMib = () => {
  const text = readFileSync(`/proc/${String(daemon.child.pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]) / 1024;
};

describe('a daemon under abuse', () => {
  test('survives 10,000 random requests with answers that say nothing, and still works', async () => {
    const before = memoryMib();
    let left = 10_000;
    const statuses = new Map<number, number>();
    const worker = async () => {
      while (left > 0) {
        left -= 1;
        const sent = randomRequest();
        const answer = await send(sent);
        const what = JSON.stringify({ ...sent, body: Buffer.from(sent.body ?? []).toString('latin1') });
        if (answer === undefined) throw new Error(`no answer: ${what}`);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (answer.status >= 500) throw new Error(`${String(answer.status)} ${answer.body} for ${what}`);
        if (answer.status >= 400 && sent.method !== 'HEAD') expectRefusal(answer, what);
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    expect([...statuses.keys()].some((status) => status >= 400)).toBe(true);
    expect(daemon.log).not.toContain('request failed');
    await expectDaemonWorks('after-abuse');
    expect(memoryMib()).toBeLessThan(before + 300);
  }, 120_000);

  test('serves others while requests hang half sent', async () => {
    const halves = [
      'POST /v1/sess',
      'GET /v1/account HTTP/1.1\r\nhost: x\r\nauthor',
      'POST /v1/blobs/query HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"grant',
      `POST /v1/blobs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\n${grantHeader}: ${'0'.repeat(32)}\r\ncontent-length: 60000000\r\n\r\nab`,
      'POST /v1/accounts HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab',
    ];
    const sockets: Socket[] = [];
    for (let at = 0; at < 100; at += 1) {
      const socket = connect(daemon.port, '127.0.0.1').on('error', () => undefined);
      socket.write(halves[at % halves.length] ?? '');
      sockets.push(socket);
    }
    await sleep(200);
    await expectDaemonWorks('beside-slow');
    for (const socket of sockets) socket.destroy();
    await expectDaemonWorks('after-slow');
  });

  test.each([
    'GET / HTTP/9.9\r\n\r\n',
    '\0\0\0\0',
    `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    'POST /v1/log HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
  ])('what is no HTTP (%j) ends its own connection alone', async (text) => {
    const socket = connect(daemon.port, '127.0.0.1');
    const closed = new Promise<void>((resolve) =>
      socket
        .on('error', () => undefined)
        .on('close', () => {
          resolve();
        }),
    );
    socket.resume().write(text);
    await closed;
    expect((await send({ method: 'GET', path: endpoints.health.path }))?.status).toBe(200);
  });
});
