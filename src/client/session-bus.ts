// Asks services of the desktop session over D-Bus (the D-Bus specification, "Message Protocol"): just enough of a client to
// learn how the keychain is, without a package, without a prompt and without waiting for ever.
import { connect, type Socket } from 'node:net';

/** How the caller's session is reached. */
export interface SessionBus {
  /** As in DBUS_SESSION_BUS_ADDRESS; undefined where there is no session. */
  readonly address: string | undefined;
  /** True where a prompt could be seen by somebody. */
  readonly hasDisplay: boolean;
}

export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Only texts are ever sent. */
  readonly args: readonly string[];
}

/** The first value of an answer, or the name of the error. */
export type BusAnswer = { readonly value: string | boolean } | { readonly error: string };

type BusFault = 'no-bus' | 'silent-bus' | 'refused';

export class BusError extends Error {
  override readonly name = 'BusError';
  readonly fault: BusFault;

  constructor(fault: BusFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** Starting a service takes a second on a slow machine. */
const timeoutMs = 5_000;
/** Answers here have some hundred bytes. */
const messageBytesMax = 64 * 1024;
/** Signals that the bus sends on its own, before the answer comes. */
const messagesMax = 64;
const methodReturn = 2;
const methodError = 3;

/** The socket of the first address that names one; undefined for other ways of transport. */
function socketPath(address: string): string | undefined {
  for (const entry of address.split(';')) {
    const [, kind, value] = /^unix:(?:.*,)?(path|abstract)=([^,]+)/.exec(entry) ?? [];
    if (value === undefined || !/^(?:[^%]|%[\da-f]{2})*$/i.test(value)) continue;
    const path = Buffer.from(value.replaceAll(/%(..)/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16))));
    return kind === 'abstract' ? `\0${path.toString()}` : path.toString();
  }
  return undefined;
}

class MessageWriter {
  #bytes = Buffer.alloc(0);

  align(size: number): this {
    return this.raw(Buffer.alloc((size - (this.#bytes.length % size)) % size));
  }

  raw(bytes: Uint8Array): this {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    return this;
  }

  uint32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.align(4).raw(bytes);
  }

  text(value: string): this {
    return this.uint32(Buffer.byteLength(value)).raw(Buffer.from(`${value}\0`));
  }

  signature(value: string): this {
    return this.raw(Buffer.from([value.length])).raw(Buffer.from(`${value}\0`));
  }

  finish(): Buffer {
    return this.#bytes;
  }
}

function encodeCall(serial: number, call: BusCall): Buffer {
  const body = new MessageWriter();
  for (const arg of call.args) body.text(arg);
  const fields = new MessageWriter();
  const named: [number, string, string][] = [
    [1, 'o', call.path],
    [2, 's', call.interface],
    [3, 's', call.member],
    [6, 's', call.destination],
  ];
  for (const [code, type, value] of named) {
    fields
      .align(8)
      .raw(Buffer.from([code]))
      .signature(type)
      .text(value);
  }
  if (call.args.length > 0) {
    fields
      .align(8)
      .raw(Buffer.from([8]))
      .signature('g')
      .signature('s'.repeat(call.args.length));
  }
  const bodyBytes = body.finish();
  const fieldBytes = fields.finish();
  const head = new MessageWriter().raw(Buffer.from(['l'.charCodeAt(0), 1, 0, 1]));
  head.uint32(bodyBytes.length).uint32(serial).uint32(fieldBytes.length);
  return head.raw(fieldBytes).align(8).raw(bodyBytes).finish();
}

/** Reads values of a message, whose first byte says in which order its bytes are. */
class MessageReader {
  readonly #view: DataView;
  readonly #isLittle: boolean;
  at = 0;

  constructor(bytes: Uint8Array, isLittle: boolean) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLittle = isLittle;
  }

  align(size: number): void {
    this.at = Math.ceil(this.at / size) * size;
  }

  byte(): number {
    this.at += 1;
    return this.#view.getUint8(this.at - 1);
  }

  uint32(): number {
    this.align(4);
    this.at += 4;
    return this.#view.getUint32(this.at - 4, this.#isLittle);
  }

  #text(length: number): string {
    const bytes = Buffer.from(this.#view.buffer, this.#view.byteOffset + this.at, length);
    this.at += length + 1;
    return bytes.toString('utf8');
  }

  /** Undefined for types that no answer here has. */
  value(type: string): string | number | boolean | undefined {
    if (type === 's' || type === 'o') return this.#text(this.uint32());
    if (type === 'g') return this.#text(this.byte());
    if (type === 'u') return this.uint32();
    if (type === 'b') return this.uint32() === 1;
    if (type === 'v') return this.value(String(this.value('g')));
    return undefined;
  }
}

interface BusMessage {
  readonly type: number;
  readonly replySerial: unknown;
  readonly error: unknown;
  readonly value: unknown;
}

function decodeMessage(bytes: Buffer, fieldsEnd: number, bodyAt: number): BusMessage {
  const isLittle = bytes[0] === 'l'.charCodeAt(0);
  const reader = new MessageReader(bytes, isLittle);
  const fields = new Map<number, unknown>();
  reader.at = 16;
  while (reader.at < fieldsEnd) {
    const code = reader.byte();
    const value = reader.value('v');
    if (value === undefined) break;
    fields.set(code, value);
    reader.align(8);
  }
  const signature = fields.get(8);
  const body = new MessageReader(bytes.subarray(bodyAt), isLittle);
  const value = typeof signature === 'string' ? body.value(signature.slice(0, 1)) : undefined;
  return { type: bytes[1] ?? 0, replySerial: fields.get(5), error: fields.get(4), value };
}

/** One connection for a few questions, all of them within one limit of time. */
export class BusConnection {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #timer: NodeJS.Timeout;
  #buffer = Buffer.alloc(0);
  #serial = 0;

  private constructor(path: string) {
    this.#socket = connect({ path });
    this.#chunks = this.#socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#timer = setTimeout(() => {
      this.#socket.destroy(new BusError('silent-bus', `no answer within ${String(timeoutMs / 1000)} s`));
    }, timeoutMs);
  }

  /** Throws BusError. */
  static async open({ address }: SessionBus): Promise<BusConnection> {
    const path = address === undefined ? undefined : socketPath(address);
    if (path === undefined) throw new BusError('no-bus', address === undefined ? 'no address' : 'no unix socket');
    const connection = new BusConnection(path);
    try {
      await connection.#authenticate();
      const bus = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus' };
      await connection.call({ ...bus, interface: 'org.freedesktop.DBus', member: 'Hello', args: [] });
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Throws BusError. */
  async call(call: BusCall): Promise<BusAnswer> {
    this.#serial += 1;
    this.#socket.write(encodeCall(this.#serial, call));
    for (let messages = 0; messages < messagesMax; messages += 1) {
      const { type, replySerial, error, value } = await this.#readMessage();
      if (replySerial !== this.#serial) continue;
      if (type === methodError) return { error: String(error) };
      if (type === methodReturn && (typeof value === 'string' || typeof value === 'boolean')) return { value };
      return { error: 'an answer of another type' };
    }
    throw new BusError('silent-bus', 'no answer among its messages');
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  async #authenticate(): Promise<void> {
    const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
    this.#socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
    const answer = await this.#readLine();
    if (!answer.startsWith('OK ')) throw new BusError('refused', answer);
    this.#socket.write('BEGIN\r\n');
  }

  async #readLine(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\r\n');
      if (end >= 0)
        return this.#take(end + 2)
          .toString('latin1')
          .trimEnd();
      await this.#fill(this.#buffer.length + 1);
    }
  }

  async #readMessage(): Promise<BusMessage> {
    await this.#fill(16);
    const head = new MessageReader(this.#buffer, this.#buffer[0] === 'l'.charCodeAt(0));
    head.at = 4;
    const bodyBytes = head.uint32();
    head.at = 12;
    const fieldsEnd = 16 + head.uint32();
    const bodyAt = Math.ceil(fieldsEnd / 8) * 8;
    await this.#fill(bodyAt + bodyBytes);
    try {
      return decodeMessage(this.#take(bodyAt + bodyBytes), fieldsEnd, bodyAt);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new BusError('silent-bus', 'a message that cannot be read', { cause });
    }
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async #fill(length: number): Promise<void> {
    if (length > messageBytesMax) throw new BusError('silent-bus', 'a message that is too long');
    while (this.#buffer.length < length) {
      let next: IteratorResult<Buffer>;
      try {
        next = await this.#chunks.next();
      } catch (cause) {
        if (cause instanceof BusError) throw cause;
        throw new BusError('no-bus', cause instanceof Error ? cause.message : String(cause), { cause });
      }
      if (next.done === true) throw new BusError('no-bus', 'the connection was closed');
      this.#buffer = Buffer.concat([this.#buffer, next.value]);
    }
  }
}
