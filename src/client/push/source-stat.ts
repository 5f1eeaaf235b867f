// What a push keeps of a stat. Tens of thousands wait at a time behind a slow file, so they are plain numbers where numbers
// hold the whole value; times have both parts, because nanoseconds since 1970 do not fit one.
import type { BigIntStats } from 'node:fs';

/** Identity of a file's content as the file system tells it: any change shows in one of these. */
export interface FileSignature {
  readonly sizeBytes: number;
  /** Seconds since 1970, negative before it, and the nanoseconds from there on. */
  readonly modifiedSeconds: number;
  readonly modifiedNanoseconds: number;
  readonly changedSeconds: number;
  readonly changedNanoseconds: number;
  /** Any 64 bits. */
  readonly inode: bigint;
  readonly device: bigint;
}

export interface SourceStat extends FileSignature {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Fewer blocks than bytes: the file has holes. */
  readonly sparse: boolean;
}

const second = 1_000_000_000n;

export function sourceStatOf(stat: BigIntStats): SourceStat {
  const { size, mtimeNs, ctimeNs, ino, dev, mode, uid, gid, nlink, blocks } = stat;
  const modifiedSeconds = secondsOf(mtimeNs);
  const changedSeconds = secondsOf(ctimeNs);
  return {
    sizeBytes: Number(size),
    modifiedSeconds: Number(modifiedSeconds),
    modifiedNanoseconds: Number(mtimeNs - modifiedSeconds * second),
    changedSeconds: Number(changedSeconds),
    changedNanoseconds: Number(ctimeNs - changedSeconds * second),
    inode: BigInt.asUintN(64, ino),
    device: BigInt.asUintN(64, dev),
    mode: Number(mode),
    uid: Number(uid),
    gid: Number(gid),
    links: Number(nlink),
    sparse: blocks * 512n < size,
  };
}

/** Rounded down, before 1970 too. */
function secondsOf(nanoseconds: bigint): bigint {
  return nanoseconds >= 0n ? nanoseconds / second : (nanoseconds - second + 1n) / second;
}

export function isSameVersion(a: FileSignature, b: FileSignature): boolean {
  return (
    a.sizeBytes === b.sizeBytes &&
    a.modifiedSeconds === b.modifiedSeconds &&
    a.modifiedNanoseconds === b.modifiedNanoseconds &&
    a.changedSeconds === b.changedSeconds &&
    a.changedNanoseconds === b.changedNanoseconds &&
    a.inode === b.inode &&
    a.device === b.device
  );
}

/** What a file or folder is, whatever path leads to it. */
export function fileKey({ device, inode }: Pick<FileSignature, 'device' | 'inode'>): string {
  return `${String(device)}:${String(inode)}`;
}

/** Stats in columns, to travel between threads: objects would cost more than the work on them. */
export interface StatColumns {
  readonly numbers: Float64Array;
  /** Inode and device of each. */
  readonly ids: BigUint64Array;
}

const numberFields = 10;

export function encodeStats(stats: readonly SourceStat[]): StatColumns {
  const numbers = new Float64Array(stats.length * numberFields);
  const ids = new BigUint64Array(stats.length * 2);
  let at = 0;
  let idAt = 0;
  for (const stat of stats) {
    numbers[at] = stat.sizeBytes;
    numbers[at + 1] = stat.modifiedSeconds;
    numbers[at + 2] = stat.modifiedNanoseconds;
    numbers[at + 3] = stat.changedSeconds;
    numbers[at + 4] = stat.changedNanoseconds;
    numbers[at + 5] = stat.mode;
    numbers[at + 6] = stat.uid;
    numbers[at + 7] = stat.gid;
    numbers[at + 8] = stat.links;
    numbers[at + 9] = stat.sparse ? 1 : 0;
    ids[idAt] = stat.inode;
    ids[idAt + 1] = stat.device;
    at += numberFields;
    idAt += 2;
  }
  return { numbers, ids };
}

export function decodeStat({ numbers, ids }: StatColumns, index: number): SourceStat {
  const field = (position: number) => numbers[index * numberFields + position] ?? 0;
  return {
    sizeBytes: field(0),
    modifiedSeconds: field(1),
    modifiedNanoseconds: field(2),
    changedSeconds: field(3),
    changedNanoseconds: field(4),
    inode: ids[2 * index] ?? 0n,
    device: ids[2 * index + 1] ?? 0n,
    mode: field(5),
    uid: field(6),
    gid: field(7),
    links: field(8),
    sparse: field(9) === 1,
  };
}
