// What a command costs: wall clock, CPU, peak memory, bytes over loopback; and what lies on the disk afterwards.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { watchMachine } from '../flood/machine.js';

/** Kernel ticks each second in /proc/PID/stat: 100 on every usual Linux, whatever the kernel itself uses. */
const ticksPerSecond = 100;

/** Bytes that loopback has received, undefined where there is no Linux. TCP's own bytes are in it. */
function loopbackBytes() {
  if (!existsSync('/proc/net/dev')) return undefined;
  const found = /^\s*lo:\s*(\d+)/m.exec(readFileSync('/proc/net/dev', 'utf8'));
  return found === null ? undefined : Number(found[1]);
}

export const isThere = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** CPU seconds that a running process has had, its threads included. */
export function cpuSeconds(pid) {
  // The name in parentheses may have blanks in it, so fields are counted from behind it.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The most memory that a running process has had, in bytes. */
export function peakBytes(pid) {
  const found = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found[1]) * 1024;
}

/**
 * A function that runs a program to its end and measures it. Of a pipeline, GNU time gives the CPU of all its programs and
 * the memory of the largest of them.
 */
export function createMeter(work) {
  const log = join(work, 'time.log');
  return function measure(command, args, { env = {}, cwd, serverPid } = {}) {
    const serverBefore = serverPid === undefined ? 0 : cpuSeconds(serverPid);
    const wireBefore = loopbackBytes();
    const readMachine = watchMachine();
    const startedAt = performance.now();
    const result = spawnSync('/usr/bin/time', ['-f', '%U %S %M', '-o', log, command, ...args], {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...env },
      maxBuffer: 1 << 28,
    });
    // GNU time counts hundredths of a second, too coarse for programs that only start.
    const wall = (performance.now() - startedAt) / 1000;
    const { busy, own } = readMachine();
    if (result.error !== undefined) throw result.error;
    if (result.status !== 0) {
      const said = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-5).join('\n');
      throw new Error(`${command} ${args.join(' ').slice(0, 200)} ended with ${result.status}: ${said}`);
    }
    const [user, system, kilobytes] = readFileSync(log, 'utf8').trim().split('\n').at(-1).split(' ').map(Number);
    const serverCpu = serverPid === undefined ? undefined : cpuSeconds(serverPid) - serverBefore;
    return {
      wall,
      cpu: user + system,
      serverCpu,
      // CPU seconds of programs that are no part of this: a machine that is shared gives others their time.
      others: Math.max(0, (busy - own) * wall - (serverCpu ?? 0)),
      memory: kilobytes * 1024,
      wire: serverPid === undefined || wireBefore === undefined ? undefined : loopbackBytes() - wireBefore,
    };
  };
}

/** Bytes that a folder takes on its disk. */
export function storedBytes(folder) {
  const { stdout } = spawnSync('du', ['-s', '--block-size=1', folder], { encoding: 'utf8' });
  return Number(stdout.split('\t')[0]);
}

export function countFiles(folder) {
  const { stdout } = spawnSync('find', [folder, '-type', 'f', '-printf', '.'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return stdout.length;
}

/** Sum of the lengths of all files, holes included. */
export function lengthBytes(folder) {
  const { stdout } = spawnSync('find', [folder, '-type', 'f', '-printf', '%s\n'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return stdout.split('\n').reduce((sum, length) => sum + Number(length), 0);
}

/** Reads a tree into the page cache: whoever goes first would read from the disk. */
export function warm(folder) {
  spawnSync('find', [folder, '-type', 'f', '-exec', 'cat', '{}', '+'], { stdio: 'ignore' });
}

/** Dirty pages of the step before would be written at the next one's cost. */
export function settle() {
  spawnSync('sync');
}

/**
 * Gives back the space of files and keeps the files: for minutes ext4 searches around every inode that was just freed, so
 * that removing one tool's files would slow down the next one's pull, tenfold for tens of thousands of them.
 */
export function emptyFiles(folder, { largerThanMib }) {
  spawnSync('find', [folder, '-type', 'f', '-size', `+${largerThanMib}M`, '-exec', 'truncate', '--size=0', '{}', '+']);
}

/** What stands at the head of a section: the machine, and the file system of `folder`. */
export function describeMachine(folder) {
  const fileSystem = spawnSync('df', ['--output=fstype', folder], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n')
    .at(-1);
  return {
    node: `Node ${process.versions.node}`,
    cores: cpus().length,
    cpu: cpus()[0].model,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    fileSystem,
  };
}
