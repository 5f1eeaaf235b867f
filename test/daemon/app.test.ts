// The app's door (docs/protocol.md, "Errors"): only wire errors leave, whatever comes in.
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toBase64 } from '../../src/protocol/bytes.js';
import { endpoints, grantHeader } from '../../src/protocol/endpoints.js';
import { errorStatuses, isErrorCode } from '../../src/protocol/errors.js';
import { jsonBytesMax } from '../../src/protocol/limits.js';
import { parseErrorResponse, parseHealthResponse } from '../../src/protocol/messages.js';
import {
  anyGrant,
  errorOf,
  openTestDaemon,
  send,
  sendJson,
  type TestCaller,
  type TestDaemon,
} from '../helpers/daemon-fixture.js';

const mine = ['queryBlobs', 'claimBlobs', 'putBlobs', 'fetchBlobs', 'appendLog'] as const;

let daemon: TestDaemon;
let ann: TestCaller;
const logged: string[] = [];

beforeAll(async () => {
  const sink = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(line.toString());
      done();
    },
  });
  daemon = await openTestDaemon({ log: pino({ level: 'error' }, sink) });
  ann = daemon.addCaller('ann');
});

afterAll(() => daemon.close());

/** A refusal with a code of the closed list, its status, and nothing that a stack would contain. */
async function expectRefusal(response: Response): Promise<void> {
  const text = await response.text();
  const { error } = parseErrorResponse(JSON.parse(text));
  if (!isErrorCode(error.code)) throw new Error(`unknown code ${error.code}`);
  expect(errorStatuses[error.code]).toBe(response.status);
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  expect(text).not.toMatch(/node_modules|\.ts:|\.js:|at \w+ \(/);
}

describe('the app', () => {
  test('tells its health to anybody', async () => {
    const response = await send(daemon.app, 'GET', '/v1/health');
    expect(parseHealthResponse(await response.json())).toMatchObject({ status: 'ok', protocol: 1 });
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('answers random bytes at every endpoint with a wire error', async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...mine), bytes, async (name, body) => {
        const headers = { [grantHeader]: anyGrant };
        await expectRefusal(await send(daemon.app, 'POST', endpoints[name].path, { caller: ann, body, headers }));
      }),
      { numRuns: 200 },
    );
    expect(logged).toEqual([]);
  });

  test('answers random JSON at every endpoint with a wire error', async () => {
    const field = fc.oneof(
      fc.jsonValue(),
      fc.uint8Array({ maxLength: 120 }).map(toBase64),
      fc.constant(anyGrant),
      fc.stringMatching(/^[0-9a-f]{32}$/),
    );
    const names = fc.constantFrom(
      'grant',
      'ids',
      'nonce',
      'proofs',
      'entry',
      'signature',
      'body',
      'extra',
      '__proto__',
    );
    const body = fc.oneof(fc.jsonValue(), fc.dictionary(names, field));
    const endpoint = fc.constantFrom(...mine);
    await fc.assert(
      fc.asyncProperty(endpoint, body, async (name, value) => {
        const response = await sendJson(daemon.app, ann, endpoints[name].path, value);
        if (response.status !== 200) await expectRefusal(response);
      }),
      { numRuns: 300 },
    );
    expect(logged).toEqual([]);
  });

  test('answers well-formed entries of random bytes with a wire error', async () => {
    const text = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(toBase64);
    const body = fc.record({
      entry: fc.uint8Array({ maxLength: 300 }).map(toBase64),
      signature: text(64),
      body: text(5),
    });
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        await expectRefusal(await sendJson(daemon.app, ann, '/v1/log', value));
      }),
      { numRuns: 100 },
    );
    expect(logged).toEqual([]);
  });

  test('needs a session everywhere but for its health', async () => {
    for (const name of mine) {
      expect(await errorOf(await send(daemon.app, 'POST', endpoints[name].path))).toBe('401 unauthenticated');
    }
    expect(await errorOf(await send(daemon.app, 'GET', '/v1/log'))).toBe('401 unauthenticated');
    for (const authorization of ['Bearer', `Bearer ${'A'.repeat(43)}`, `Basic ${'A'.repeat(43)}`, 'Bearer ../..']) {
      const response = await send(daemon.app, 'GET', '/v1/log', { headers: { authorization } });
      expect(await errorOf(response)).toBe('401 unauthenticated');
    }
  });

  test('a JSON body one byte beyond the limit is too large, announced or not', async () => {
    const body = Buffer.alloc(jsonBytesMax, ' ');
    expect(await errorOf(await send(daemon.app, 'POST', '/v1/log', { caller: ann, body }))).toBe('400 malformed');
    const longer = Buffer.alloc(jsonBytesMax + 1, ' ');
    const answer = await send(daemon.app, 'POST', '/v1/log', { caller: ann, body: longer });
    expect(await errorOf(answer)).toBe('413 too-large');
    const headers = { 'content-length': String(jsonBytesMax + 1) };
    expect(await errorOf(await send(daemon.app, 'POST', '/v1/log', { caller: ann, headers }))).toBe('413 too-large');
  });

  test('tells an unknown path from a known one with another method', async () => {
    expect(await errorOf(await send(daemon.app, 'GET', '/v1/nothing'))).toBe('404 not-found');
    expect(await errorOf(await send(daemon.app, 'GET', '/'))).toBe('404 not-found');
    const response = await send(daemon.app, 'PUT', '/v1/log');
    expect(response.headers.get('allow')).toBe('POST, GET');
    expect(await errorOf(response)).toBe('405 method-not-allowed');
  });

  test('refuses requests of other sites', async () => {
    for (const headers of [
      { origin: 'https://elsewhere.example' },
      { origin: 'null' },
      { origin: 'http://daemon.test:81' },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      expect(await errorOf(await send(daemon.app, 'GET', '/v1/health', { headers }))).toBe('403 foreign-origin');
    }
    const own = { origin: 'http://daemon.test', 'sec-fetch-site': 'same-origin' };
    expect((await send(daemon.app, 'GET', '/v1/health', { headers: own })).status).toBe(200);
  });

  test('a bug is logged in full and answered with nothing of its text', async () => {
    const broken = await openTestDaemon({
      log: daemon.services.log,
      spendGrant: () => {
        throw new Error('secret detail');
      },
    });
    const eve = broken.addCaller('eve');
    const response = await sendJson(broken.app, eve, '/v1/blobs/query', { grant: anyGrant, ids: '' });
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).not.toContain('secret');
    expect(logged.join('')).toContain('secret detail');
    await broken.close();
  });

  test('a full disk is unavailable, not internal', async () => {
    const full = await openTestDaemon({
      spendGrant: () => {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
    });
    const eve = full.addCaller('eve');
    const response = await sendJson(full.app, eve, '/v1/blobs/query', { grant: anyGrant, ids: '' });
    expect(await errorOf(response)).toBe('503 unavailable');
    await full.close();
  });
});
