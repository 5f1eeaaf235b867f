// What is done to which data, step after step. A chain has one repository for each tool, so its steps build on one another.
import { makeImage, makeRandom, makeTiny, sizeName } from './data.js';
import { makeLinux, makePackage, makeSmallTree } from './trees.js';

const mib = 1 << 20;
const gib = 1 << 30;
const count = (value) => value.toLocaleString('en-US');

const cold = { id: 'cold', kind: 'cold', title: 'push, cold' };
const unchanged = { id: 'unchanged', kind: 'unchanged', title: 'push, unchanged' };
const pull = { id: 'pull', kind: 'pull', title: 'pull' };
const next = (version, title) => ({ id: `next-${version}`, kind: 'next', version, title });

/** A request or more for each file, minutes for tens of thousands: it would take longer than all others together. */
const fileByFile = ['rclone crypt'];

function randomChain(isQuick) {
  const bytes = isQuick ? 64 * mib : 2 * gib;
  return {
    id: 'random',
    title: `${sizeName(bytes)} random`,
    about: 'four files of noise, which nothing compresses',
    make: (folder, say) => makeRandom(folder, bytes, say),
    // The yardstick of one chain: hashing says most where there is one stream of bytes.
    withYardstick: true,
    steps: [cold, { id: 'second', kind: 'second', title: 'push by a second account' }, pull],
  };
}

function treeChain(isQuick) {
  return {
    id: 'tree',
    title: isQuick ? 'small tree' : 'Linux tree',
    make: isQuick ? makeSmallTree : makeLinux,
    without: fileByFile,
    steps: [cold, unchanged, next(1, 'push, next version'), { ...pull, title: 'pull, next version' }],
  };
}

function packageChain() {
  return {
    id: 'package',
    title: 'npm package',
    make: makePackage,
    steps: [cold, next(1, 'push, second version'), next(2, 'push, third version')],
  };
}

function imageChain(isQuick) {
  const [bytes, filled] = isQuick ? [256 * mib, 32 * mib] : [4 * gib, 384 * mib];
  return {
    id: 'image',
    title: `${sizeName(bytes)} sparse image`,
    about: `a disk image with ${filled / mib} MiB in it, half noise and half text; then 200 scattered edits of 4 KiB in place`,
    make: (folder, say) => makeImage(folder, bytes, filled, say),
    // It knows no holes and no parts of files: minutes of nothing but the length of the image, twice.
    without: ['rclone crypt'],
    steps: [cold, next(1, 'push, 200 edits')],
  };
}

function tinyChain(isQuick) {
  const files = isQuick ? 2_000 : 100_000;
  return {
    id: 'tiny',
    title: `${count(files)} tiny files`,
    about: 'up to 2 KiB each, a hundred in a folder',
    make: (folder, say) => makeTiny(folder, files, say),
    without: fileByFile,
    steps: [cold, unchanged, pull],
  };
}

function startChain() {
  return {
    id: 'start',
    title: '20 small files',
    about: 'what is left where there is next to nothing to do; medians of ten starts a round',
    make: (folder, say) => makeTiny(folder, 20, say),
    steps: [
      { ...cold, tools: ['jaycloud', 'restic', 'borg'] },
      { id: 'version', kind: 'version', title: 'version', times: 10 },
      { id: 'list', kind: 'list', title: 'list of snapshots', times: 10 },
    ],
  };
}

export const createChains = (isQuick) => [
  startChain(),
  randomChain(isQuick),
  treeChain(isQuick),
  packageChain(),
  imageChain(isQuick),
  tinyChain(isQuick),
];

/** Those whose name has one of the texts in `only`, which stand with commas between them. */
export const wantedChains = (isQuick, only) =>
  createChains(isQuick).filter(({ id, title }) => only.split(',').some((part) => `${id} ${title}`.includes(part)));
