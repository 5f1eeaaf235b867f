// Uploads: what taking in fresh blobs of 1 MiB costs the daemon, beside the SHA-256 of the same bytes, which it cannot do
// without. One client over one connection sends bodies that were made before.
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { join } from 'node:path';
import { blobMagic, gcmTagBytes, leafType, paddedLength } from '../../dist/protocol/blob-layout.js';
import { encodeBlobStreamHeader } from '../../dist/protocol/blob-stream.js';
import { blobStreamType, endpoints, grantHeader } from '../../dist/protocol/endpoints.js';

import { watchMachine } from '../flood/machine.js';
import { startDaemon } from './daemon.js';
import { admitCallers, fill } from './fill.js';

const mib = 1 << 20;
const blobsPerUpload = 16;
const pieceBytes = 64 * 1024;
const leafHeader = Buffer.from([...blobMagic, leafType]);

/** Leaves of half to one and a half MiB of noise in one body, as a push of large files sends them. */
function makeBody(noise, seed) {
  const parts = [];
  for (let at = 0; at < blobsPerUpload; at += 1) {
    const frameBytes = paddedLength(mib / 2 + ((seed * blobsPerUpload + at) % blobsPerUpload) * (mib / blobsPerUpload));
    const blob = Buffer.allocUnsafe(leafHeader.length + frameBytes + gcmTagBytes);
    noise.copy(blob, 0, 0, blob.length);
    leafHeader.copy(blob);
    // A few bytes make it another blob; the rest is as good as fresh to whoever only hashes and stores it.
    randomBytes(32).copy(blob, 64);
    const id = createHash('sha256').update(blob).digest();
    parts.push(encodeBlobStreamHeader(id, blob.length), blob);
  }
  return Buffer.concat(parts);
}

/** CPU seconds of SHA-256 in pieces as a socket brings them. */
function hashSeconds(bodies) {
  const before = process.cpuUsage();
  for (const body of bodies) {
    const hash = createHash('sha256');
    for (let at = 0; at < body.length; at += pieceBytes) hash.update(body.subarray(at, at + pieceBytes));
    hash.digest();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function put(daemon, { secret, grantId }, body) {
  return new Promise((resolve, reject) => {
    const sent = request(`${daemon.url}${endpoints.putBlobs.path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        'content-type': blobStreamType,
        'content-length': body.length,
        [grantHeader]: grantId,
      },
    });
    sent.on('error', reject).on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`an upload was answered ${answer.statusCode}: ${text.slice(0, 200)}`));
      });
    });
    sent.end(body);
  });
}

/** `rounds` times eight uploads; hashing and sending take turns, so that both have the same machine. */
export async function measureUploads({ work, rounds }) {
  const dataDir = join(work, 'uploads');
  await fill(dataDir, 0);
  const [caller] = await admitCallers(dataDir, 0);
  const daemon = await startDaemon({ dataDir });
  const noise = randomBytes(2 * mib);
  const result = { bytes: 0, blobs: 0, wall: 0, daemonCpu: 0, hashCpu: 0, others: 0 };
  try {
    await put(daemon, caller, makeBody(noise, 0));
    for (let round = 0; round < rounds; round += 1) {
      const bodies = Array.from({ length: 8 }, (_, at) => makeBody(noise, round * 8 + at));
      result.hashCpu += hashSeconds(bodies);
      const readMachine = watchMachine();
      const [cpu, startedMs] = [daemon.cpu(), performance.now()];
      for (const body of bodies) await put(daemon, caller, body);
      const wall = (performance.now() - startedMs) / 1000;
      const daemonCpu = daemon.cpu() - cpu;
      const { busy, own } = readMachine();
      result.wall += wall;
      result.daemonCpu += daemonCpu;
      result.others += Math.max(0, (busy - own) * wall - daemonCpu);
      result.bytes += bodies.reduce((sum, { length }) => sum + length, 0);
      result.blobs += bodies.length * blobsPerUpload;
    }
    return { ...result, peak: daemon.peak() };
  } finally {
    await daemon.stop();
  }
}
