// Data that the bench makes on the spot, seeded, into a folder that later runs use again.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../report.js';
import { countFiles, lengthBytes } from './measure.js';

const mib = 1 << 20;
const gib = 1 << 30;

/** SHAKE, so that nothing compresses. */
const randomBytes = (name, length) => createHash('shake256', { outputLength: length }).update(name).digest();

/** Makes what is not there yet. What `make` returns is kept with it. */
export async function makeOnce(folder, name, say, make) {
  const place = join(folder, name);
  const stamp = join(place, 'made.json');
  if (!existsSync(stamp)) {
    say(`making ${name}`);
    rmSync(place, { recursive: true, force: true });
    mkdirSync(place, { recursive: true });
    writeFileSync(stamp, JSON.stringify((await make(place)) ?? {}));
  }
  return { place, facts: JSON.parse(readFileSync(stamp, 'utf8')) };
}

export const sized = (path) => ({ path, files: countFiles(path), bytes: lengthBytes(path) });

export const sizeName = (bytes) => (bytes >= gib ? `${bytes / gib} GiB` : `${bytes / mib} MiB`);

/** Four files, as `bytes` of noise. */
export async function makeRandom(folder, bytes, say) {
  const fileCount = 4;
  const { place } = await makeOnce(folder, `random-${bytes / mib}`, say, (made) => {
    mkdirSync(join(made, 'tree'));
    for (let at = 0; at < fileCount; at += 1) {
      const file = openSync(join(made, 'tree', `random-${at}`), 'w');
      for (let block = 0; block < bytes / fileCount / mib; block += 1)
        writeSync(file, randomBytes(`jaycloud bench ${at} ${block}`, mib));
      closeSync(file);
    }
  });
  return { ...sized(join(place, 'tree')), to: () => {} };
}

const editBytes = 4096;
const editCount = 200;
const extentBytes = 8 * mib;

/** Extents of noise and of text by turns, at seeded places of an image that is a hole elsewhere. */
function imageExtents(bytes, filled) {
  const chance = seededRandom(7);
  const slots = new Set();
  while (slots.size < filled / extentBytes) slots.add(Math.floor(chance() * (bytes / extentBytes)));
  return [...slots].sort((a, b) => a - b);
}

/** Half noise, half text that compresses, as disks have both. */
function extentContent(slot) {
  if (slot % 2 === 0) return randomBytes(`jaycloud image ${slot}`, extentBytes);
  return Buffer.from(
    randomBytes(`jaycloud text ${slot}`, extentBytes / 4)
      .toString('hex')
      .padEnd(extentBytes, '\n'),
  );
}

/** A sparse disk image, before and after edits that are scattered over what it holds. */
export async function makeImage(folder, bytes, filled, say) {
  const extents = imageExtents(bytes, filled);
  const { place } = await makeOnce(folder, `image-${bytes / mib}`, say, (made) => {
    mkdirSync(join(made, 'tree'));
    const file = openSync(join(made, 'tree', 'disk.img'), 'w');
    for (const slot of extents) writeSync(file, extentContent(slot), 0, extentBytes, slot * extentBytes);
    if (!extents.includes(bytes / extentBytes - 1)) writeSync(file, Buffer.from([0]), 0, 1, bytes - 1);
    closeSync(file);
  });
  const chance = seededRandom(8);
  const edits = Array.from({ length: editCount }, (_, edit) => {
    const slot = extents[Math.floor(chance() * extents.length)];
    const within = Math.floor(chance() * (extentBytes / editBytes)) * editBytes;
    return { slot, within, edit };
  });
  // Both states are written by the same edits, so that a run that was cut off leaves nothing wrong behind.
  const to = (version) => {
    const file = openSync(join(place, 'tree', 'disk.img'), 'r+');
    for (const { slot, within, edit } of edits) {
      const content =
        version === 0
          ? extentContent(slot).subarray(within, within + editBytes)
          : randomBytes(`jaycloud edit ${edit}`, editBytes);
      writeSync(file, content, 0, editBytes, slot * extentBytes + within);
    }
    closeSync(file);
  };
  return { ...sized(join(place, 'tree')), filled: extents.length * extentBytes, to };
}

/** Files of up to 2 KiB, a hundred in a folder; every second one is text. */
export async function makeTiny(folder, fileCount, say) {
  const { place } = await makeOnce(folder, `tiny-${fileCount}`, say, (made) => {
    const chance = seededRandom(9);
    for (let at = 0; at < fileCount; at += 1) {
      const inside = join(made, 'tree', `folder-${Math.floor(at / 100)}`);
      if (at % 100 === 0) mkdirSync(inside, { recursive: true });
      const content = randomBytes(`jaycloud tiny ${at}`, Math.floor(chance() * 1024));
      writeFileSync(join(inside, `file-${at}`), at % 2 === 0 ? content : content.toString('hex'));
    }
  });
  return { ...sized(join(place, 'tree')), to: () => {} };
}
