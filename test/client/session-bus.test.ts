import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { findSecretService } from '../../src/client/secret-service.js';
import { makeTempDir, removeTempDirs } from '../helpers/programs.js';

let bus: Server | undefined;

afterEach(() => {
  bus?.close();
});

afterAll(removeTempDirs);

/** A bus that lets everybody in and answers the calls one after the other with these bytes; it closes after the last. */
async function serve(answers: readonly Uint8Array[], greeting = 'OK 0123\r\n'): Promise<string> {
  const path = join(makeTempDir(), 'a bus');
  bus = createServer((socket) => {
    const left = [Buffer.from(greeting), ...answers];
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const next = left.shift();
      if (next === undefined) socket.end();
      else socket.write(next);
      // The word that ends the greeting may come with the first call or alone.
      if (bytes.toString('latin1') === 'BEGIN\r\n' && next !== undefined) left.unshift(new Uint8Array());
    });
  });
  await new Promise<void>((resolve) => bus?.listen(path, resolve));
  return `unix:guid=1,path=${encodeURI(path)};tcp:host=nowhere`;
}

const findFault = async (address: string | undefined) =>
  (await findSecretService({ address, hasDisplay: false })).fault;

describe('a session bus', () => {
  test.each([
    undefined,
    '',
    'autolaunch:',
    'tcp:host=127.0.0.1,port=1',
    'unix:path=/nothing/there',
    'unix:abstract=nobody-listens-here',
    'unix:path=%zz',
  ])('at %s is none', async (address) => {
    expect(await findFault(address)).toBe('no-bus');
  });

  test('that lets this user not in is told apart', async () => {
    expect(await findFault(await serve([], 'REJECTED EXTERNAL\r\n'))).toBe('refused');
  });

  test('that closes the connection is none', async () => {
    expect(await findFault(await serve([]))).toBe('no-bus');
  });

  test('that sends what is too long, or a line without end, is not believed', async () => {
    const long = Buffer.alloc(16, 0xff);
    expect(await findFault(await serve([long, long, long]))).toBe('silent-bus');
    bus?.close();
    expect(await findFault(await serve([], 'O'.repeat(100_000)))).toBe('silent-bus');
  });

  test('that sends lengths that lead nowhere is not believed', async () => {
    const head = Buffer.from([0x6c, 2, 0, 1, 0, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0]);
    const field = Buffer.from([4, 1, 0x73, 0, 0xff, 0xff, 0xff, 0xff]);
    expect(await findFault(await serve([Buffer.concat([head, field]), Buffer.concat([head, field])]))).toBe(
      'silent-bus',
    );
  });

  test('that counts bytes the other way round is understood', async () => {
    // An error (3) for call 1 and one for call 2, big end first: the fields are its name (4) and what it answers (5).
    const errorFor = (serial: number) => {
      const name = Buffer.from('a.b.C\0');
      const fields = Buffer.concat([Buffer.from([4, 1, 0x73, 0, 0, 0, 0, 5]), name, Buffer.alloc(2)]);
      const reply = Buffer.from([5, 1, 0x75, 0, 0, 0, 0, serial]);
      const head = Buffer.from([0x42, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, fields.length + reply.length]);
      return Buffer.concat([head, fields, reply]);
    };
    expect(await findFault(await serve([Buffer.concat([errorFor(1), errorFor(2)]), errorFor(2)]))).toBe('absent');
  });
});
