// Frames (docs/format.md, "Frames"): a chunk or node made ready for encryption, compressed where that helps and padded.
import { ok } from 'node:assert/strict';
import { frameBytesMin, paddedLength } from '../protocol/blob-layout.js';
import { copyInto } from '../protocol/bytes.js';
import { frameBytesMax, frameHeaderBytes, rawBytesMax } from '../protocol/limits.js';
import { integrityError } from './errors.js';
import { compress, decompress } from './zstd.js';

export const frameKinds = {
  data: 0,
  manifestLeaf: 1,
  manifestIndex: 2,
  chunkList: 3,
  snapshotRecord: 4,
  authorRecord: 5,
} as const;
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

const frameVersion = 1;
const codecs = { stored: 0, zstd: 1 } as const;

/** Inputs from this length on are sampled before they are compressed whole. */
const sampledBytesMin = 32 * 1024;
const sampleSliceBytes = 4 * 1024;
/** A sample that does not shrink below this share is not worth the time of the rest. */
const sampleShareMax = 0.95;

const zeros = Buffer.alloc(64 * 1024);

/** A frame whose length and codec are decided, to be written where its blob is built, and before the next one is planned. */
export interface PlannedFrame {
  readonly kind: FrameKind;
  readonly codec: number;
  readonly rawLength: number;
  /** The raw bytes themselves, or memory that the next plan overwrites. */
  readonly stored: Uint8Array;
  readonly frameLength: number;
}

/** Decides codec and length. `raw` has at most `rawBytesMax` bytes. */
export function planFrame(kind: FrameKind, raw: Uint8Array): PlannedFrame {
  ok(raw.length <= rawBytesMax, 'a chunk fits its frame');
  const plainLength = paddedLength(frameHeaderBytes + raw.length);
  if (plainLength > frameBytesMin && looksCompressible(raw)) {
    const stored = compress(raw);
    const frameLength = paddedLength(frameHeaderBytes + stored.length);
    if (frameLength < plainLength) {
      return { kind, codec: codecs.zstd, rawLength: raw.length, stored, frameLength };
    }
  }
  return { kind, codec: codecs.stored, rawLength: raw.length, stored: raw, frameLength: plainLength };
}

function looksCompressible(raw: Uint8Array): boolean {
  if (raw.length < sampledBytesMin) return true;
  const sample = new Uint8Array(3 * sampleSliceBytes);
  const middle = Math.floor((raw.length - sampleSliceBytes) / 2);
  sample.set(raw.subarray(0, sampleSliceBytes));
  sample.set(raw.subarray(middle, middle + sampleSliceBytes), sampleSliceBytes);
  sample.set(raw.subarray(raw.length - sampleSliceBytes), 2 * sampleSliceBytes);
  return compress(sample).length < sample.length * sampleShareMax;
}

/** Writes every byte of the frame at `offset`; what stood in `target` before does not matter. */
export function writeFrame(frame: PlannedFrame, target: Buffer, offset: number): void {
  const view = new DataView(target.buffer, target.byteOffset + offset, frameHeaderBytes);
  view.setUint8(0, frameVersion);
  view.setUint8(1, frame.kind);
  view.setUint8(2, frame.codec);
  view.setUint8(3, 0);
  view.setUint32(4, frame.rawLength);
  view.setUint32(8, frame.stored.length);
  copyInto(target, frame.stored, offset + frameHeaderBytes);
  target.fill(0, offset + frameHeaderBytes + frame.stored.length, offset + frame.frameLength);
}

export function encodeFrame(kind: FrameKind, raw: Uint8Array): Uint8Array {
  const plan = planFrame(kind, raw);
  const frame = Buffer.allocUnsafeSlow(plan.frameLength);
  writeFrame(plan, frame, 0);
  return new Uint8Array(frame.buffer);
}

/**
 * The content of a frame, a view into it where it is not compressed; else in `memory`, where a caller has `rawBytesMax` of
 * it. Throws integrityError for any field, length or padding that no writer makes, for another kind, and for another raw
 * length where one is given.
 */
export function decodeFrame(
  frame: Uint8Array,
  expectedKind: FrameKind,
  rawLength?: number,
  memory?: Uint8Array,
): Uint8Array {
  if (frame.length < frameBytesMin || frame.length > frameBytesMax) throw integrityError('frame of a bad length');
  const view = new DataView(frame.buffer, frame.byteOffset, frameHeaderBytes);
  const codec = view.getUint8(2);
  const frameRawLength = view.getUint32(4);
  const storedLength = view.getUint32(8);
  if (view.getUint8(0) !== frameVersion) throw integrityError('frame of an unknown version');
  if (view.getUint8(1) !== expectedKind) throw integrityError('frame of another kind');
  if (codec !== codecs.stored && codec !== codecs.zstd) throw integrityError('frame of an unknown codec');
  if (view.getUint8(3) !== 0) throw integrityError('frame with a reserved byte set');
  if (frameRawLength > rawBytesMax || (rawLength !== undefined && frameRawLength !== rawLength)) {
    throw integrityError('frame of another raw length');
  }
  if (codec === codecs.stored ? storedLength !== frameRawLength : storedLength >= frameRawLength) {
    throw integrityError('frame whose lengths contradict each other');
  }
  if (paddedLength(frameHeaderBytes + storedLength) !== frame.length) throw integrityError('frame of a wrong padding');
  checkZeros(frame, frameHeaderBytes + storedLength);
  const stored = frame.subarray(frameHeaderBytes, frameHeaderBytes + storedLength);
  return codec === codecs.stored ? stored : decompress(stored, frameRawLength, memory);
}

function checkZeros(frame: Uint8Array, from: number): void {
  for (let at = from; at < frame.length; at += zeros.length) {
    const end = Math.min(at + zeros.length, frame.length);
    if (zeros.compare(frame, at, end, 0, end - at) !== 0) throw integrityError('frame with bytes in its padding');
  }
}
