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

/** Where the fields of a stat in bytes begin. */
const fields = {
  sparse: 0,
  mode: 1,
  uid: 5,
  gid: 9,
  links: 13,
  modifiedNanoseconds: 17,
  changedNanoseconds: 21,
  modifiedSeconds: 25,
  changedSeconds: 33,
  sizeBytes: 41,
  inode: 49,
  device: 57,
} as const;

export const statBytes = 65;

export function writeStat(view: DataView, at: number, stat: SourceStat): void {
  view.setUint8(at + fields.sparse, stat.sparse ? 1 : 0);
  view.setUint32(at + fields.mode, stat.mode);
  view.setUint32(at + fields.uid, stat.uid);
  view.setUint32(at + fields.gid, stat.gid);
  view.setUint32(at + fields.links, stat.links);
  view.setUint32(at + fields.modifiedNanoseconds, stat.modifiedNanoseconds);
  view.setUint32(at + fields.changedNanoseconds, stat.changedNanoseconds);
  view.setFloat64(at + fields.modifiedSeconds, stat.modifiedSeconds);
  view.setFloat64(at + fields.changedSeconds, stat.changedSeconds);
  view.setFloat64(at + fields.sizeBytes, stat.sizeBytes);
  view.setBigUint64(at + fields.inode, stat.inode);
  view.setBigUint64(at + fields.device, stat.device);
}

export function readStat(view: DataView, at: number): SourceStat {
  return {
    sizeBytes: view.getFloat64(at + fields.sizeBytes),
    modifiedSeconds: view.getFloat64(at + fields.modifiedSeconds),
    modifiedNanoseconds: view.getUint32(at + fields.modifiedNanoseconds),
    changedSeconds: view.getFloat64(at + fields.changedSeconds),
    changedNanoseconds: view.getUint32(at + fields.changedNanoseconds),
    inode: view.getBigUint64(at + fields.inode),
    device: view.getBigUint64(at + fields.device),
    mode: view.getUint32(at + fields.mode),
    uid: view.getUint32(at + fields.uid),
    gid: view.getUint32(at + fields.gid),
    links: view.getUint32(at + fields.links),
    sparse: view.getUint8(at + fields.sparse) === 1,
  };
}

/** Stats one after the other, to travel between threads: objects would cost more than the work on them. */
export function encodeStats(stats: readonly SourceStat[]): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(stats.length * statBytes));
  for (const [index, stat] of stats.entries()) writeStat(view, index * statBytes, stat);
  return view;
}

export function decodeStat(stats: DataView, index: number): SourceStat {
  return readStat(stats, index * statBytes);
}
