// HTTP/1.1 over raw sockets, as cheap as an attacker makes it: requests are ready-made bytes, answers are looked at for
// status, error code and length alone.
import { connect } from 'node:net';

const headEnd = Buffer.from('\r\n\r\n');

/** One kept connection. Answers come in the order of the requests. */
class Connection {
  #socket;
  #waiting = [];
  #rest = Buffer.alloc(0);
  #pool;

  constructor(pool) {
    this.#pool = pool;
    this.#open();
  }

  get depth() {
    return this.#waiting.length;
  }

  send(request, onAnswer) {
    this.#waiting.push(onAnswer);
    if (!this.#socket.destroyed) this.#socket.write(request);
  }

  close() {
    this.#socket.removeAllListeners('close').destroy();
  }

  #open() {
    this.#socket = connect({ host: '127.0.0.1', port: this.#pool.port, noDelay: true });
    this.#socket.on('data', (piece) => this.#read(piece)).on('error', () => undefined);
    this.#socket.on('close', () => {
      const lost = this.#waiting;
      this.#waiting = [];
      this.#rest = Buffer.alloc(0);
      for (const onAnswer of lost) onAnswer({ status: 0, body: '' });
      setTimeout(() => {
        this.#open();
        if (lost.length > 0) this.#pool.freed(this);
      }, 100).unref();
    });
  }

  #read(piece) {
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    for (;;) {
      const end = bytes.indexOf(headEnd);
      if (end < 0) break;
      const head = bytes.latin1Slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 'NaN');
      let body;
      let next;
      if (Number.isNaN(length)) {
        const last = bytes.indexOf('\r\n0\r\n\r\n', end);
        if (last < 0) break;
        body = bytes.latin1Slice(end + 4, last);
        next = last + 7;
      } else {
        next = end + 4 + length;
        if (bytes.length < next) break;
        body = bytes.latin1Slice(end + 4, next);
      }
      bytes = bytes.subarray(next);
      const onAnswer = this.#waiting.shift();
      this.#pool.freed(this);
      onAnswer?.({ status: Number(head.slice(9, 12)), body });
    }
    this.#rest = bytes;
  }
}

/** Connections that are used the least busy first; each takes up to `depth` requests without waiting for answers. */
export class ConnectionPool {
  #free = [];
  #all = [];
  #depth;
  port;

  constructor({ port, connections, depth = 1 }) {
    this.port = port;
    this.#depth = depth;
    for (let i = 0; i < connections; i += 1) {
      const connection = new Connection(this);
      this.#all.push(connection);
      this.#free.push(connection);
    }
  }

  /** False where every connection is full: nothing was sent. */
  send(request, onAnswer) {
    const connection = this.#free.pop();
    if (connection === undefined) return this.#sendBehind(request, onAnswer);
    connection.send(request, onAnswer);
    return true;
  }

  /** A connection is free again when it has nothing under way. */
  freed(connection) {
    if (connection.depth === 0) this.#free.push(connection);
  }

  get isFull() {
    return this.#free.length === 0 && this.#depth === 1;
  }

  close() {
    for (const connection of this.#all) connection.close();
  }

  #sendBehind(request, onAnswer) {
    if (this.#depth === 1) return false;
    for (let tries = 0; tries < 4; tries += 1) {
      const connection = this.#all[Math.floor(Math.random() * this.#all.length)];
      if (connection.depth >= this.#depth) continue;
      connection.send(request, onAnswer);
      return true;
    }
    return false;
  }
}

export function postJson(path, secret, text, headers = '') {
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n${headers}\r\n${text}`;
}

export function postBytes(path, secret, bytes, headers) {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/vnd.jaycloud.blobs\r\ncontent-length: ${bytes.length}\r\n${headers}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

/** What an answer comes down to: `ok`, `lost`, or the daemon's error code. */
export function outcomeOf({ status, body }) {
  if (status === 0) return 'lost';
  if (status < 300) return 'ok';
  return /"code":"([a-z-]+)"/.exec(body)?.[1] ?? `status ${status}`;
}
