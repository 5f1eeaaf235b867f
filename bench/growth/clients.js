// Clients: what more of them at once cost the daemon. The same number of pushes by real `jaycloud` processes each time, from
// one client after another to all at the same time, each client with an account and data of its own.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jaycloud } from '../flood/programs.js';
import { makeOnce } from '../speed/data.js';
import { startDaemon } from './daemon.js';

const mib = 1 << 20;
/** What each push brings: one file that is cut into chunks, and as many small ones as a daemon notices. */
const largeBytes = 4 * mib;
const smallFiles = 64;
const registeredAtOnce = 4;

const noise = (name, length) => createHash('shake256', { outputLength: length }).update(name).digest();

async function must(running, what) {
  const { exit, output } = await running.ended;
  if (exit !== 0) throw new Error(`${what} ended with ${exit}: ${output.trim().split('\n').slice(-3).join('\n')}`);
  return output;
}

/** Calls `work` for 0 to `count - 1`, at most `atOnce` at a time. */
async function inTurns(count, atOnce, work) {
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < count; at = next++) await work(at);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** A daemon's data with accounts, and the home of each: registering takes a second of Argon2id, so it is done once. */
function registered(folder, count, say) {
  return makeOnce(folder, `growth-accounts-${count}`, say, async (made) => {
    const dataDir = join(made, 'data');
    mkdirSync(dataDir, { mode: 0o700 });
    const daemon = await startDaemon({ dataDir });
    try {
      await inTurns(count, registeredAtOnce, (at) =>
        must(jaycloud(join(made, `home-${at}`), daemon.url, ['register', `client-${at}`]), 'register'),
      );
      // A session is bound to the address of its server.
      return { port: daemon.port };
    } finally {
      await daemon.stop();
    }
  });
}

function makeData(home, name, { bytes, files }) {
  const tree = join(home, 'tree');
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  for (let from = 0; from < bytes; from += 16 * mib)
    writeFileSync(join(tree, 'large'), noise(`${name} ${from}`, Math.min(16 * mib, bytes - from)), { flag: 'a' });
  for (let at = 0; at < files; at += 1) writeFileSync(join(tree, `small-${at}`), noise(`${name} small ${at}`, 600));
  return tree;
}

/** A daemon with accounts, which listens where they were registered, and their homes. */
async function withDaemon({ folder, work, accounts, say }, play) {
  const { place, facts } = await registered(folder, accounts, say);
  const here = join(work, 'clients');
  rmSync(here, { recursive: true, force: true });
  cpSync(place, here, { recursive: true });
  const daemon = await startDaemon({ dataDir: join(here, 'data'), port: facts.port });
  try {
    return await play(daemon, (at) => join(here, `home-${at}`));
  } finally {
    await daemon.stop();
    rmSync(here, { recursive: true, force: true });
  }
}

const summaryOf = (output) => JSON.parse(output.trim().split('\n').at(-1));

/** `pushes` pushes, `clients` of them at any time. */
export function measureClients({ folder, work, accounts, clients, pushes, say }) {
  return withDaemon({ folder, work, accounts, say }, async (daemon, homeOf) => {
    const trees = Array.from({ length: pushes }, (_, push) =>
      makeData(join(homeOf(push % clients), `push-${push}`), `${clients} ${push}`, {
        bytes: largeBytes,
        files: smallFiles,
      }),
    );
    const result = { clients, pushes, bytes: 0, blobs: 0 };
    const [cpu, startedMs] = [daemon.cpu(), performance.now()];
    let next = 0;
    const client = async (at) => {
      for (let push = next++; push < pushes; push = next++) {
        // The tree of another client's folder is as good: whose data it is, its name and content say.
        const running = jaycloud(homeOf(at), daemon.url, ['push', trees[push], '--name', `push-${push}`]);
        const summary = summaryOf(await must(running, 'push'));
        result.bytes += summary.bytesSent;
        result.blobs += summary.newBlobs;
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, at) => client(at)));
    return {
      ...result,
      wall: (performance.now() - startedMs) / 1000,
      daemonCpu: daemon.cpu() - cpu,
      peak: daemon.peak(),
    };
  });
}

/** Peak memory of the daemon while eight clients push a large file each. */
export function measureMemory({ folder, work, accounts, bytesEach, say }) {
  const clients = 8;
  return withDaemon({ folder, work, accounts, say }, async (daemon, homeOf) => {
    const trees = Array.from({ length: clients }, (_, at) =>
      makeData(homeOf(at), `memory ${at}`, { bytes: bytesEach, files: 0 }),
    );
    const [cpu, startedMs] = [daemon.cpu(), performance.now()];
    await Promise.all(
      trees.map((tree, at) => must(jaycloud(homeOf(at), daemon.url, ['push', tree, '--name', 'large']), 'push')),
    );
    return {
      clients,
      bytes: clients * bytesEach,
      wall: (performance.now() - startedMs) / 1000,
      daemonCpu: daemon.cpu() - cpu,
      peak: daemon.peak(),
    };
  });
}
