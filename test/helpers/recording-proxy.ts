// Stands between client and daemon and keeps every byte of both directions. It knows nothing of HTTP.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface RecordingProxy {
  readonly url: string;
  /** Everything so far, one piece for each direction of each connection. */
  recorded(): Buffer[];
  close(): Promise<void>;
}

export async function startRecordingProxy(targetPort: number): Promise<RecordingProxy> {
  const directions: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const record = (from: Socket, to: Socket): void => {
    const pieces: Buffer[] = [];
    directions.push(pieces);
    from.on('data', (piece: Buffer) => pieces.push(piece));
    from.pipe(to);
    from.on('error', () => to.destroy());
    sockets.add(from.on('close', () => sockets.delete(from)));
  };
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    record(client, upstream);
    record(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    recorded: () => directions.map((pieces) => Buffer.concat(pieces)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}
