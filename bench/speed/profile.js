// Where processor time goes while a step runs: `perf` samples the whole machine, and each sample is put where it belongs.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Samples a second on each core: a prime, so that nothing periodic is met again and again. */
const samplesPerSecond = 997;

/** In the order in which they are tried: the last one takes what is left. */
const kinds = [
  {
    title: 'kernel',
    matches: ({ object }) => object.startsWith('[kernel') || object.startsWith('[guest'),
  },
  { title: 'SHA-256', matches: ({ symbol }) => /sha256|sha512/i.test(symbol) },
  { title: 'AES-GCM', matches: ({ symbol }) => /aes|gcm|ghash/i.test(symbol) && !symbol.includes('::') },
  {
    title: 'zstd',
    matches: ({ symbol, object }) => /zstd/i.test(object) || /^(ZSTD|HUF|FSE)_/.test(symbol),
  },
  { title: 'SQLite', matches: ({ object }) => object.includes('sqlite') },
  {
    title: 'JavaScript, WebAssembly',
    matches: ({ symbol, object }) => object.includes('/perf-') || object === '//anon' || symbol.startsWith('Builtins_'),
  },
  {
    title: 'garbage collector',
    matches: ({ symbol }) => /v8::.*(Scaveng|Mark|Sweep|Evacuat|Heap|Gc|GC|Compact|Remember|Slot)/.test(symbol),
  },
  { title: 'rest of V8', matches: ({ symbol }) => symbol.includes('v8::') },
  { title: 'Node, libraries', matches: () => true },
];

export const kindTitles = kinds.map(({ title }) => title);

/** `COMMAND PID/TID IP SYMBOL (OBJECT)`, as perf script prints it; a command may have blanks in it. */
const sampleForm = /^\s*(.+?)\s+(-?\d+)\/(-?\d+)\s+[0-9a-f]+\s+(.*) \((.*)\)$/;

function readSamples(file) {
  const args = ['script', '-i', file, '-F', 'comm,pid,tid,ip,sym,dso'];
  const { stdout, status } = spawnSync('perf', args, { encoding: 'utf8', maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error('perf script failed');
  return stdout.split('\n').flatMap((line) => {
    const found = sampleForm.exec(line);
    if (found === null) return [];
    const [, command, pid, thread, symbol, object] = found;
    return [{ command, pid: Number(pid), thread: Number(thread), symbol, object }];
  });
}

const secondsOf = (samples) => samples.length / samplesPerSecond;

/** Seconds of one program by kind, of its main thread, and of all. */
function shareOut(samples) {
  const counted = kinds.map(() => 0);
  for (const sample of samples) counted[kinds.findIndex(({ matches }) => matches(sample))] += 1;
  return {
    seconds: secondsOf(samples),
    mainThread: secondsOf(samples.filter(({ pid, thread }) => pid === thread)),
    byKind: counted.map((count) => count / samplesPerSecond),
  };
}

/** System calls that `perf stat` has counted. */
function readCount(file) {
  const found = /^(\d+),/m.exec(readFileSync(file, 'utf8'));
  return found === null ? undefined : Number(found[1]);
}

async function stop(child) {
  if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended too early`);
  const closed = once(child, 'close');
  child.kill('SIGINT');
  await closed;
}

/** Why nothing can be profiled here, or undefined. */
export function whyNoProfile() {
  const { status, error } = spawnSync('perf', ['stat', '-a', '-e', 'raw_syscalls:sys_enter', 'true'], {
    stdio: 'ignore',
  });
  if (error !== undefined) return 'perf is missing; on Debian: apt-get install linux-perf';
  return status === 0 ? undefined : 'perf may not count system calls of the machine: it wants to be root';
}

/** Profiles the machine while `work` runs, which ends before it returns; the client is every other Node than the daemon and this one. */
export async function profile(work, { daemonPid, folder }) {
  const [samples, allCalls, daemonCalls] = ['perf.data', 'all.txt', 'daemon.txt'].map((name) => join(folder, name));
  const count = ['stat', '-x,', '-e', 'raw_syscalls:sys_enter'];
  const perf = (...args) => spawn('perf', args, { stdio: 'ignore' });
  const running = [
    perf('record', '-q', '-a', '-F', String(samplesPerSecond), '-o', samples),
    perf(...count, '-a', '-o', allCalls),
    perf(...count, '-p', String(daemonPid), '-o', daemonCalls),
  ];
  // Until all of them have opened what they count.
  await sleep(1000);
  let result;
  try {
    result = work();
  } finally {
    await Promise.all(running.map(stop));
  }
  const [total, ofDaemon] = [readCount(allCalls), readCount(daemonCalls)];
  const isDaemon = ({ pid }) => pid === daemonPid;
  const isIdleOrOurs = ({ command, pid }) => pid === 0 || pid === process.pid || command === 'perf';
  const all = readSamples(samples).filter((sample) => !isIdleOrOurs(sample));
  const program = realpathSync(process.execPath);
  const nodes = new Set(all.filter(({ object }) => object === program).map(({ pid }) => pid));
  const isClient = ({ pid }) => nodes.has(pid) && pid !== daemonPid;
  return {
    result,
    client: { ...shareOut(all.filter(isClient)), calls: total - ofDaemon },
    daemon: { ...shareOut(all.filter(isDaemon)), calls: ofDaemon },
    others: secondsOf(all.filter((sample) => !isDaemon(sample) && !isClient(sample))),
  };
}
