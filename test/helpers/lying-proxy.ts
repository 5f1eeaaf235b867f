// A daemon that lies: passes requests on to a real one and rewrites chosen answers on their way back.
import { createServer, type IncomingHttpHeaders, type Server, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type EndpointName, endpoints } from '../../src/protocol/endpoints.js';

/** What the client asked. */
export interface Asked {
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

/** Gets an answer that the daemon gave, and gives the one that the client gets. */
export type Lie = (answer: Buffer, asked: Asked) => Buffer | Promise<Buffer>;

/** Answers in JSON, in the place of the daemon. */
type Answerer = (asked: Asked) => Buffer;

const json = 'application/json';

/** A lie about an answer in JSON. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the test knows what the endpoint answers
export function lieInJson<T>(change: (answer: T) => unknown): Lie {
  return (answer) => Buffer.from(JSON.stringify(change(JSON.parse(answer.toString()) as T)));
}

export class LyingProxy {
  readonly url: string;
  readonly #server: Server;
  readonly #lies: Map<EndpointName, Lie>;
  readonly #answers: Map<EndpointName, Answerer>;

  private constructor(server: Server, lies: Map<EndpointName, Lie>, answers: Map<EndpointName, Answerer>) {
    this.#server = server;
    this.#lies = lies;
    this.#answers = answers;
    this.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  static async start(daemonUrl: string): Promise<LyingProxy> {
    const lies = new Map<EndpointName, Lie>();
    const answers = new Map<EndpointName, Answerer>();
    const server = createServer((incoming, outgoing) => {
      const pass = async () => {
        const url = new URL(incoming.url ?? '/', daemonUrl);
        const { method = 'GET' } = incoming;
        const body = await buffer(incoming);
        const name = nameOf(method, url.pathname);
        const made = answers.get(name)?.({ query: url.searchParams, body });
        const { status, type, answer } =
          made === undefined
            ? await ask(url, method, incoming.headers, body)
            : { status: 200, type: json, answer: made };
        const lie = status < 300 ? lies.get(name) : undefined;
        const told = lie === undefined ? answer : await lie(answer, { query: url.searchParams, body });
        outgoing.writeHead(status, { 'content-type': type, 'content-length': told.length }).end(told);
      };
      pass().catch(() => outgoing.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new LyingProxy(server, lies, answers);
  }

  /** From now on, until it is honest again. */
  lie(name: EndpointName, lie: Lie): void {
    this.#lies.set(name, lie);
  }

  /** The same without asking the daemon: what the client sends gets nowhere. */
  answer(name: EndpointName, answerer: Answerer): void {
    this.#answers.set(name, answerer);
  }

  beHonest(): void {
    this.#lies.clear();
    this.#answers.clear();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function nameOf(method: string, path: string): EndpointName {
  const found = Object.entries(endpoints).find(
    ([, endpoint]) => endpoint.method === method && new RegExp(`^${endpoint.path.replace(':id', '[^/]+')}$`).test(path),
  );
  if (found === undefined) throw new Error(`no endpoint ${method} ${path}`);
  return found[0] as EndpointName;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly answer: Buffer;
}

function ask(url: URL, method: string, headers: IncomingHttpHeaders, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onward = sendRequest(url, { method, headers: { ...headers, connection: 'close' } }, (response) => {
      const type = response.headers['content-type'] ?? 'application/octet-stream';
      buffer(response).then((answer) => {
        resolve({ status: response.statusCode ?? 500, type, answer });
      }, reject);
    });
    onward.on('error', reject).end(body);
  });
}
