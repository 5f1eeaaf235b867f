// What the machine could do at best, from the primitives of the same run, and how far from it everybody is.
import { table } from '../report.js';
import { medians } from './goals.js';

/** Bytes that the client seals and both sides hash: read, cut, hashed for the key, encrypted, hashed for the id. */
const sealing = ({ cut, hash, encrypt }) => cut + 2 * hash + encrypt;
/** What follows for bytes that the daemon does not have: it hashes and writes them. */
const sending = ({ travel, hash, write }) => travel + hash + write;
/** A blob on its way back: read, sent, hashed, decrypted. */
const fetching = ({ read, travel, hash, encrypt }) => read + travel + hash + encrypt;

/** Bytes that a step has added to the repository. */
function addedBytes(chain, step, before) {
  const stored = (id) => (id === undefined ? 0 : (medians(chain, id, 'jaycloud')?.stored ?? Number.NaN));
  return stored(step) - stored(before);
}

/** `[chain, step, what it is made of, seconds of one thread]`. */
const rows = [
  {
    chain: 'random',
    step: 'cold',
    of: 'reading, cutting, hashing twice, encrypting; sending; hashing and writing in the daemon',
    seconds: (p, { bytes }) => bytes * (p.read + sealing(p) + sending(p)),
  },
  {
    chain: 'random',
    step: 'second',
    of: 'the same without sending and what follows',
    seconds: (p, { bytes }) => bytes * (p.read + sealing(p)),
  },
  {
    chain: 'random',
    step: 'pull',
    of: 'reading and sending in the daemon; hashing, decrypting, writing',
    seconds: (p, { bytes }) => bytes * (fetching(p) + p.write),
  },
  {
    chain: 'tree',
    step: 'cold',
    of: 'a look at each file, opening and reading it, compressing; of what is left what random data takes',
    seconds: (p, chain) =>
      chain.files * (p.look + p.open) +
      chain.bytes * p.compress +
      addedBytes(chain, 'cold') * (sealing(p) - p.cut + sending(p)),
  },
  {
    chain: 'tree',
    step: 'unchanged',
    of: 'a look at each file',
    seconds: (p, { files }) => files * p.look,
  },
  {
    chain: 'tree',
    step: 'next-1',
    of: 'a look at each file; of what is new what the cold push takes',
    seconds: (p, chain) => {
      const added = addedBytes(chain, 'next-1', 'unchanged');
      const share = added / addedBytes(chain, 'cold');
      return (
        chain.files * p.look +
        chain.changed * p.open +
        share * chain.bytes * p.compress +
        added * (sealing(p) - p.cut + sending(p))
      );
    },
  },
  {
    chain: 'tree',
    step: 'pull',
    of: 'reading and sending in the daemon; hashing, decrypting, decompressing; making each file and writing it',
    seconds: (p, chain) =>
      addedBytes(chain, 'cold') * fetching(p) + chain.bytes * (p.decompress + p.write) + chain.files * p.create,
  },
];

const names = {
  read: 'reading a file that is in the page cache',
  cut: 'cutting into chunks, whose first 256 KiB are not looked at',
  hash: 'SHA-256 of 1 MiB at a time',
  encrypt: 'AES-256-GCM, 64 KiB at a time',
  travel: 'loopback, both ends together',
  write: 'writing a file, with fsync; its waiting is not in it',
  compress: 'zstd as the client does it, of source text',
  decompress: 'the way back',
  look: 'lstat',
  open: 'open, read, fstat and close of a file of 4 KiB',
  create: 'making, writing, closing and renaming one',
};

const isPerFile = (name) => ['look', 'open', 'create'].includes(name);

function primitiveTable(primitives) {
  const cells = Object.entries(names).map(([name, what]) => {
    const cost = primitives[name];
    return [what, isPerFile(name) ? `${(cost * 1e6).toFixed(1)} us` : `${(1e-9 / cost).toFixed(2)} GB/s`];
  });
  return table(['one thread', 'rate'], cells);
}

/** The tables as parts of a page; none where no primitives were measured. */
export function limitText({ chains, primitives, machine }) {
  if (primitives === undefined) return [];
  const cells = rows.flatMap(({ chain: id, step, of, seconds }) => {
    const chain = chains.find((one) => one.id === id && one.leftOut === undefined);
    const own = medians(chain, step, 'jaycloud')?.wall;
    if (own === undefined) return [];
    const least = seconds(primitives, chain) / machine.cores;
    const times = (wall) => (wall === undefined ? '-' : (wall / least).toFixed(1));
    const restic = medians(chain, step, 'restic')?.wall;
    return [
      [
        `${chain.title}: ${chain.stepTitles[step]}`,
        of,
        least.toFixed(2),
        own.toFixed(2),
        times(own),
        times(restic),
        restic === undefined ? '-' : (least / restic).toFixed(2),
      ],
    ];
  });
  if (cells.length === 0) return [];
  return [
    'What the machine takes for the work that cannot be left out, through Node in one thread; the least of some tries before and after the rounds:',
    primitiveTable(primitives),
    `From that, the least that a row can take if it is spread over ${machine.cores} cores without any gap, client and daemon together, and nothing else is done at all:`,
    table(
      ['work', 'made of', 'limit s', 'jaycloud s', 'times the limit', 'restic, times the limit', 'limit to restic'],
      cells,
    ),
  ];
}
