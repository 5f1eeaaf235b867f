// A folder with everything that a file system allows and a backup can lose, and the comparison that notices.
import { execFileSync } from 'node:child_process';
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export const isRoot = process.getuid?.() === 0;

/** Writes `pieces` into a file of `sizeBytes`; everything between them is a hole. */
export function writeSparse(path: string, sizeBytes: number, pieces: readonly (readonly [number, Uint8Array])[]): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, sizeBytes);
  for (const [offset, bytes] of pieces) writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}

function touch(path: string, time: string): void {
  execFileSync('touch', ['-h', '-d', time, '--', path]);
}

function makeModes(root: string): void {
  const folder = join(root, 'modes');
  mkdirSync(folder);
  for (const mode of [0o0, 0o400, 0o644, 0o755, 0o777]) {
    const path = join(folder, `mode-${mode.toString(8).padStart(4, '0')}`);
    writeFileSync(path, path);
    chmodSync(path, mode);
  }
  for (const [name, mode] of [
    ['sticky', 0o1777],
    ['setgid', 0o2775],
    ['read-only', 0o555],
  ] as const) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'inside'), name);
    chmodSync(join(folder, name), mode);
  }
}

function makeTimes(root: string): void {
  const folder = join(root, 'times');
  mkdirSync(folder);
  const times = ['@1.000000001', '@1234567890.123456789', '@0', '@-1.000000001', '@-86400.999999999', '@4102444800.5'];
  for (const [at, time] of times.entries()) {
    writeFileSync(join(folder, `t${String(at)}`), time);
    touch(join(folder, `t${String(at)}`), time);
  }
  mkdirSync(join(folder, 'dir'));
  writeFileSync(join(folder, 'dir', 'inside'), '');
  touch(join(folder, 'dir'), '@987654321.987654321');
}

function makeLinks(root: string): void {
  const folder = join(root, 'links');
  mkdirSync(join(folder, 'to/deep'), { recursive: true });
  mkdirSync(join(folder, 'from'));
  for (const [name, target] of [
    ['dangling', 'no/such/thing'],
    ['absolute', '/etc/hostname'],
    ['to-folder', 'to'],
    ['up', '../../..'],
    ['self', 'self'],
    ['strange', ' \n\u001b[31m '],
  ] as const)
    symlinkSync(target, join(folder, name));
  symlinkSync(Buffer.from([0xff, 0xfe, 0x2f, 0x80]), join(folder, 'bytes'));
  touch(join(folder, 'dangling'), '@111111111.222222222');
  writeFileSync(join(folder, 'from/one'), 'one file, three names');
  linkSync(join(folder, 'from/one'), join(folder, 'to/deep/two'));
  linkSync(join(folder, 'from/one'), join(root, 'three'));
  writeFileSync(join(folder, 'empty-one'), '');
  linkSync(join(folder, 'empty-one'), join(folder, 'empty-two'));
}

function makeSparse(root: string): void {
  const folder = join(root, 'sparse');
  mkdirSync(folder);
  const data = Buffer.alloc(10_000, 'data ');
  const mib = 1024 * 1024;
  writeSparse(join(folder, 'front'), 40 * mib, [[40 * mib - data.length, data]]);
  writeSparse(join(folder, 'middle'), 40 * mib + 17, [
    [0, data],
    [40 * mib + 7, Buffer.from('0123456789')],
  ]);
  writeSparse(join(folder, 'end'), 40 * mib, [[12_345, data]]);
  writeSparse(join(folder, 'only-hole'), 40 * mib, []);
  writeSparse(join(folder, 'small-hole'), 70_000, [[69_000, data.subarray(0, 100)]]);
}

/** Names that have a meaning to terminals, shells, sorting or decoders. */
function makeNames(root: string): void {
  const folder = join(root, 'names');
  mkdirSync(folder);
  const names = [
    'new\nline',
    '\u001b[31mred\u001b[0m',
    '-rf',
    '--help',
    ' ',
    ' lead and trail ',
    '...',
    'x'.repeat(255),
    'ünï\u0301cödé',
    '*?[]{}$`"\'\\',
    'CON',
    'a:b@c',
  ].map((name) => Buffer.from(name));
  names.push(
    Buffer.from([0xff]),
    Buffer.from([0x61, 0x80, 0xc3]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0x7f]),
  );
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), name);
  const nested = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xfe, 0x0a])]);
  mkdirSync(nested);
  writeFileSync(Buffer.concat([nested, Buffer.from('/in')]), 'inside a folder of bytes');
  // Whole paths in byte order: "a", "a-b", "a/x", "a0".
  mkdirSync(join(folder, 'a'));
  writeFileSync(join(folder, 'a/x'), 'x');
  writeFileSync(join(folder, 'a-b'), 'between');
  writeFileSync(join(folder, 'a0'), 'behind');
  let deep = folder;
  for (let at = 0; at < 12; at += 1) deep = join(deep, 'd'.repeat(200));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'bottom'), 'deep');
}

function makeContents(root: string): void {
  const folder = join(root, 'contents');
  mkdirSync(join(folder, 'empty-folder/in/in'), { recursive: true });
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'one-byte'), 'x');
  const kib = 1024;
  for (const size of [1023, 1024, 1025, 64 * kib, 64 * kib + 1, 256 * kib - 1, 256 * kib, 256 * kib + 1, 5000 * kib]) {
    const bytes = new Uint8Array(size);
    // Bytes that neither repeat nor compress, and are the same in every run.
    let state = size;
    for (let at = 0; at < size; at += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      bytes[at] = state >>> 16;
    }
    writeFileSync(join(folder, `random-${String(size)}`), bytes);
  }
  writeFileSync(join(folder, 'zeros'), new Uint8Array(9_000_000));
  writeFileSync(join(folder, 'text'), 'the same line again and again\n'.repeat(100_000));
}

/** Makes the tree below `root`, which must exist. */
export function makeHardTree(root: string): void {
  makeContents(root);
  makeModes(root);
  makeTimes(root);
  makeLinks(root);
  makeSparse(root);
  makeNames(root);
  if (isRoot) {
    mkdirSync(join(root, 'owners'));
    for (const id of [0, 1, 65_534, 4_000_000]) {
      const path = join(root, 'owners', String(id));
      writeFileSync(path, 'owned');
      execFileSync('chown', ['-h', `${String(id)}:${String(id + 1)}`, path]);
    }
    symlinkSync('1', join(root, 'owners', 'link'));
    execFileSync('chown', ['-h', '12:34', join(root, 'owners', 'link')]);
  }
  lutimesSync(root, 1_000_000_000, 1_000_000_000);
}

interface SeenEntry {
  readonly stat: BigIntStats;
  readonly line: string;
}

/** All entries below `root` by path (latin1), each as one line of everything that a pull has to bring back. */
export function describeTree(root: string): Map<string, SeenEntry> {
  const seen = new Map<string, SeenEntry>();
  const groups = new Map<string, string>();
  const visit = (path: Buffer, name: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const inode = `${String(stat.dev)}:${String(stat.ino)}`;
    if (!groups.has(inode)) groups.set(inode, name);
    const line = [
      `type ${(stat.mode & 0o170000n).toString(8)}`,
      `mode ${(stat.mode & 0o7777n).toString(8)}`,
      `owner ${String(stat.uid)}:${String(stat.gid)}`,
      `mtime ${String(stat.mtimeNs)}`,
      ...(stat.isDirectory() ? [] : [`size ${String(stat.size)}`, `first name ${groups.get(inode) ?? ''}`]),
      ...(stat.isSymbolicLink() ? [`target ${readlinkSync(path, 'buffer').toString('hex')}`] : []),
    ].join(', ');
    seen.set(name, { stat, line });
    if (!stat.isDirectory()) return;
    const children = readdirSync(path, { encoding: 'buffer' }).sort((a, b) => Buffer.compare(a, b));
    for (const child of children) {
      const below = Buffer.concat([path, Buffer.from('/'), child]);
      visit(below, name === '' ? child.toString('latin1') : `${name}/${child.toString('latin1')}`);
    }
  };
  visit(Buffer.from(root), '');
  return seen;
}

/** What the metadata of two trees differs in, one line each; contents are for `diff -r --no-dereference`. */
export function metadataDifferences(expected: string, actual: string): string[] {
  const before = describeTree(expected);
  const after = describeTree(actual);
  const differences: string[] = [];
  for (const [name, { line, stat }] of before) {
    const found = after.get(name);
    if (found === undefined) differences.push(`${JSON.stringify(name)} is missing`);
    else {
      if (found.line !== line) differences.push(`${JSON.stringify(name)}: ${line} became ${found.line}`);
      // A few blocks of slack: the end of a hole need not lie on the same boundary.
      if (stat.isFile() && found.stat.blocks > stat.blocks + 64n)
        differences.push(`${JSON.stringify(name)}: ${String(stat.blocks)} blocks became ${String(found.stat.blocks)}`);
    }
  }
  for (const name of after.keys()) if (!before.has(name)) differences.push(`${JSON.stringify(name)} is new`);
  return differences;
}

/** Throws with what differs. */
export function expectSameContents(expected: string, actual: string): void {
  execFileSync('diff', ['-r', '--no-dereference', '-q', expected, actual], { encoding: 'utf8' });
}
