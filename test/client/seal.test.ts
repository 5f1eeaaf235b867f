// Blobs (docs/format.md, "Blobs"): what opens, and everything that must not.
import { createCipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyoneSalt, vaultSalt } from '../../src/client/dedup-domain.js';
import { encodeFrame, frameKinds, planFrame } from '../../src/client/frame.js';
import {
  leafBytesOf,
  openingBytes,
  openLeaf,
  openNode,
  sealLeaf,
  sealLeafInto,
  sealNode,
} from '../../src/client/seal.js';
import { sha256 } from '../../src/protocol/blob-id.js';
import { parseBlobLayout } from '../../src/protocol/blob-layout.js';
import { concatBytes, equalBytes, fromBytesKey, toHex, utf8 } from '../../src/protocol/bytes.js';
import { childrenMax, rawBytesMax } from '../../src/protocol/limits.js';
import { changed, codeThrownBy, flipped } from '../helpers/integrity.js';

const raw = new Uint8Array(randomBytes(3000));
const leaf = sealLeaf(everyoneSalt, raw);
const children = [sha256(utf8('a')), sha256(utf8('b'))];
const node = sealNode(everyoneSalt, frameKinds.manifestIndex, raw, children);

/** A blob of another author: any clear part and any frame, honestly encrypted and named. */
function forge(
  clear: Uint8Array,
  frame: Uint8Array,
): { id: Uint8Array; key: Uint8Array; rawLength: number; blob: Uint8Array } {
  const key = new Uint8Array(randomBytes(32));
  const cipher = createCipheriv('aes-256-gcm', key, new Uint8Array(12));
  cipher.setAAD(concatBytes(utf8('jaycloud/1/blob'), Uint8Array.of(0), clear));
  const blob = concatBytes(clear, cipher.update(frame), cipher.final(), cipher.getAuthTag());
  return { id: sha256(blob), key, rawLength: raw.length, blob };
}

const leafHeader = Uint8Array.of(0x4a, 0x43, 1, 0);
const nodeHeader = Uint8Array.of(0x4a, 0x43, 1, 1, 0, 0, 0, 0);

describe('sealLeaf and openLeaf', () => {
  it.each([0, 1, 1012, 1013, 262_144, rawBytesMax])('give back %i bytes', (length) => {
    const content = new Uint8Array(randomBytes(length));
    const sealed = sealLeaf(everyoneSalt, content);
    expect(sealed.rawLength).toBe(length);
    expect(parseBlobLayout(sealed.blob).type).toBe('leaf');
    expect(equalBytes(openLeaf(sealed, sealed.blob), content)).toBe(true);
  });

  it('leave no buffers behind that wait for the garbage collector', () => {
    const memory = Buffer.alloc(openingBytes);
    const plan = planFrame(frameKinds.data, new Uint8Array(randomBytes(1024 * 1024)));
    const target = Buffer.alloc(leafBytesOf(plan));
    const grownBy = (work: () => void): number => {
      const before = process.memoryUsage().arrayBuffers;
      work();
      return process.memoryUsage().arrayBuffers - before;
    };
    // A collection between the two looks would hide what is left behind, so there are several.
    const grown = Array.from({ length: 8 }, () => {
      let sealed = { id: '', key: '' };
      const sealing = grownBy(() => {
        sealed = sealLeafInto(everyoneSalt, plan, target);
      });
      const ref = { id: fromBytesKey(sealed.id), key: fromBytesKey(sealed.key), rawLength: plan.rawLength };
      return [sealing, grownBy(() => openLeaf(ref, target, memory))];
    });
    expect(Math.max(...grown.map(([sealing]) => sealing ?? 0))).toBeLessThan(plan.rawLength / 2);
    expect(Math.max(...grown.map(([, opening]) => opening ?? 0))).toBeLessThan(plan.rawLength / 2);
  });

  it('make the same blob of the same content, and another one in another domain', () => {
    expect(sealLeaf(everyoneSalt, raw)).toEqual(leaf);
    const other = sealLeaf(vaultSalt(new Uint8Array(32)), raw);
    expect(equalBytes(other.key, leaf.key)).toBe(false);
    expect(equalBytes(other.id, leaf.id)).toBe(false);
  });

  it('never use one key for two frames', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.subarray(children), (content, ids) => {
        for (const sealed of [sealLeaf(everyoneSalt, content), sealNode(everyoneSalt, 1, content, ids)]) {
          const before = seen.get(toHex(sealed.key));
          if (before !== undefined) expect(before).toBe(toHex(sealed.id));
          seen.set(toHex(sealed.key), toHex(sealed.id));
        }
      }),
      { numRuns: 200 },
    );
    expect(seen.size).toBeGreaterThan(200);
  });

  it('own their bytes, so that a blob can be handed to another thread', () => {
    expect(leaf.blob.buffer.byteLength).toBe(leaf.blob.length);
  });
});

describe('openLeaf', () => {
  const refuses = (ref: { id: Uint8Array; key: Uint8Array; rawLength: number }, blob: Uint8Array) => {
    expect(codeThrownBy(() => openLeaf(ref, blob))).toBe('integrity');
  };

  it('refuses a flipped bit under the old id and under the id that fits it', () => {
    for (const at of [0, 2, 3, 4, 20, leaf.blob.length - 17, leaf.blob.length - 1]) {
      const blob = flipped(leaf.blob, at);
      refuses(leaf, blob);
      refuses({ ...leaf, id: sha256(blob) }, blob);
    }
  });

  it('refuses a cut and an extended blob, also under the id that fits it', () => {
    const longer = concatBytes(leaf.blob, new Uint8Array(64));
    for (const blob of [leaf.blob.subarray(0, -1), leaf.blob.subarray(0, 3), new Uint8Array(0), longer]) {
      refuses(leaf, blob);
      refuses({ ...leaf, id: sha256(blob) }, blob);
    }
  });

  it('refuses a wrong key, a short key and another raw length', () => {
    refuses({ ...leaf, key: flipped(leaf.key, 0) }, leaf.blob);
    refuses({ ...leaf, key: leaf.key.subarray(1) }, leaf.blob);
    refuses({ ...leaf, rawLength: raw.length - 1 }, leaf.blob);
    refuses({ ...leaf, id: flipped(leaf.id, 0) }, leaf.blob);
  });

  it('refuses a node', () => {
    refuses({ ...node, rawLength: raw.length }, node.blob);
  });

  it('refuses a frame of another kind in a leaf', () => {
    const good = forge(leafHeader, encodeFrame(frameKinds.data, raw));
    expect(openLeaf(good, good.blob)).toEqual(raw);
    const bad = forge(leafHeader, encodeFrame(frameKinds.manifestLeaf, raw));
    refuses(bad, bad.blob);
  });

  it('refuses bytes in the padding and padding of another length, however well they are sealed', () => {
    const frame = encodeFrame(frameKinds.data, raw);
    const dirty = forge(leafHeader, flipped(frame, frame.length - 1));
    refuses(dirty, dirty.blob);
    const long = forge(leafHeader, concatBytes(frame, new Uint8Array(64)));
    refuses(long, long.blob);
  });
});

describe('openNode', () => {
  const refuses = (ref: { id: Uint8Array; key: Uint8Array }, blob: Uint8Array) => {
    expect(codeThrownBy(() => openNode(ref, blob))).toBe('integrity');
  };

  it('gives kind, content and children', () => {
    expect(openNode(node, node.blob)).toEqual({ kind: frameKinds.manifestIndex, raw, children });
  });

  it.each([0, 1, childrenMax])('carries %i children', (count) => {
    const ids = Array.from({ length: count }, (_, i) => sha256(utf8(String(i))));
    const sealed = sealNode(everyoneSalt, frameKinds.manifestLeaf, raw, ids);
    expect(equalBytes(concatBytes(...openNode(sealed, sealed.blob).children), concatBytes(...ids))).toBe(true);
  });

  it('cannot be made with one child too many', () => {
    const ids = Array.from({ length: childrenMax + 1 }, () => new Uint8Array(32));
    expect(() => sealNode(everyoneSalt, frameKinds.manifestLeaf, raw, ids)).toThrow('keeps within its children');
  });

  it('refuses changed, swapped and missing children', () => {
    const swapped = changed(node.blob, (copy) => {
      copy.set(children[1] ?? [], 8);
      copy.set(children[0] ?? [], 40);
    });
    const fewer = changed(concatBytes(node.blob.subarray(0, 40), node.blob.subarray(72)), (copy) => {
      copy[7] = 1;
    });
    for (const blob of [swapped, fewer, flipped(node.blob, 8), flipped(node.blob, 7)]) {
      refuses(node, blob);
      refuses({ ...node, id: sha256(blob) }, blob);
    }
  });

  it('refuses a leaf, a data frame in a node and an unknown kind', () => {
    refuses(leaf, leaf.blob);
    for (const frame of [encodeFrame(frameKinds.data, raw), encodeFrame(frameKinds.snapshotRecord, raw)]) {
      const forged = forge(nodeHeader, frame);
      refuses(forged, forged.blob);
    }
    const good = forge(nodeHeader, encodeFrame(frameKinds.chunkList, raw));
    expect(openNode(good, good.blob).kind).toBe(frameKinds.chunkList);
  });
});

it('chunks opened one after the other in the same memory are what each was', () => {
  const memory = Buffer.alloc(openingBytes, 7);
  const contents = [Buffer.alloc(300_000, 'text that compresses '), randomBytes(300_000), Buffer.alloc(5000, 1)];
  for (const content of [...contents, ...contents.toReversed()]) {
    const sealed = sealLeaf(everyoneSalt, content);
    const opened = openLeaf(sealed, sealed.blob, memory);
    expect(equalBytes(opened, content)).toBe(true);
    expect(opened.buffer).toBe(memory.buffer);
  }
});
