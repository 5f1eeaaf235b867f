// What checking costs, through the daemon's own `redeem` and without its database: true proofs and false ones.
import { cpuMs } from './puzzle-solve.js';
import { median } from './report.js';

const accountId = '00112233445566778899aabbccddeeff';
const expected = { purposes: ['upload'], accountId };

/**
 * A daemon that can be started over: with the same key and epoch it knows its tokens again and has forgotten which are
 * spent. So a few proofs are enough to measure many redemptions.
 */
function createDaemon({ createChallenges, createLocalReplay }, puzzles, effort256) {
  const price = { puzzles, effort256, floorAttempts: 8 };
  // The clock stands still: however slow this machine is, no challenge expires while it is measured.
  const now = () => 1_800_000_000_000;
  const start = (issued) => {
    const replay = createLocalReplay({ replica: 1, epoch: 1 });
    const challenges = createChallenges({ masterKey: new Uint8Array(32), replay, now });
    const request = { purpose: 'upload', tier: 'new', units: 1, price, accountId };
    const tokens = Array.from({ length: issued }, () => challenges.issue(request).token);
    return { challenges, tokens };
  };
  return { tokens: (count) => start(count).tokens, restart: (count) => start(count).challenges };
}

/** Microseconds of CPU to redeem one of `proofs`: median over `rounds`. `code` is how each must end, or undefined. */
function measureRedeem(daemon, proofs, rounds, { issued, code, isReplay = false, mayPass = false }) {
  // The compiler of the host needs some thousand calls until it is done.
  const warmUp = Math.ceil(3000 / proofs.length);
  const times = [];
  for (let round = 0; round < rounds + warmUp; round += 1) {
    const challenges = daemon.restart(issued);
    const redeem = (proof) => {
      try {
        const open = challenges.open(proof, expected);
        challenges.check(open);
        challenges.claim(open);
        return undefined;
      } catch (error) {
        return error.code;
      }
    };
    if (isReplay) proofs.forEach(redeem);
    const codes = [];
    const ms = cpuMs(() => {
      for (const proof of proofs) codes.push(redeem(proof));
    });
    const wrong = codes.findIndex((one) => one !== code && !(mayPass && one === undefined));
    if (wrong >= 0) throw new Error(`a proof ended with ${codes[wrong]} and not with ${code}`);
    times.push((ms * 1000) / proofs.length);
  }
  return median(times.slice(warmUp));
}

/** One record in canonical order that solves nothing. */
function falseRecord(random, attempt) {
  const record = Buffer.alloc(20);
  record.writeUInt32BE(attempt);
  const indices = new Set();
  while (indices.size < 8) indices.add(Math.floor(random() * 65_536));
  [...indices].sort((a, b) => a - b).forEach((index, i) => record.writeUInt16BE(index, 4 + 2 * i));
  return record;
}

function bent(proof, random) {
  const token = Buffer.from(proof.token, 'base64url');
  token[token.length - 1 - Math.floor(random() * 16)] ^= 1 << Math.floor(random() * 8);
  return { ...proof, token: token.toString('base64url') };
}

/** Microseconds to redeem and to refuse; `prove` solves for tokens. */
export function measureDaemon(modules, { prove, random, puzzles, effort256, proofCount, rounds }) {
  const daemon = createDaemon(modules, puzzles, effort256);
  const tokens = daemon.tokens(proofCount);
  const seedOf = (token) => modules.challengeSeed(Buffer.from(token, 'base64url'));
  const solved = prove(tokens.map((token) => ({ seed: seedOf(token), effort256, count: puzzles })));
  // A restart draws new salts, so the sequence numbers are the same and the tokens stay good: their MAC is their own.
  const proofs = tokens.map((token, i) => ({ token, solutions: solved[i] }));
  const falseOnes = (count) => Array.from({ length: count }, (_, i) => falseRecord(random, 0xffff_ff00 + i));
  const random16 = proofs.map(({ token }) => ({
    token,
    solutions: Buffer.concat(falseOnes(puzzles)).toString('base64url'),
  }));
  const fifteen = proofs.map(({ token, solutions }) => {
    const records = Buffer.from(solutions, 'base64url').subarray(0, 20 * (puzzles - 1));
    return { token, solutions: Buffer.concat([records, ...falseOnes(1)]).toString('base64url') };
  });
  const measure = (list, options) => measureRedeem(daemon, list, rounds, { issued: proofCount, ...options });
  return {
    redeem: measure(proofs, {}),
    badMac: measure(
      proofs.map((proof) => bent(proof, random)),
      { code: 'challenge-invalid' },
    ),
    randomAnswers: measure(random16, { code: 'proof-insufficient' }),
    fifteen: measure(fifteen, { code: 'proof-insufficient', mayPass: true }),
    replay: measure(proofs, { code: 'challenge-spent', isReplay: true }),
  };
}

/** Microseconds of one filter check and of one full check, over true records. */
export function measureRecords({ attemptSeed, decodeSolutions, filterValue, isSolved }, { proofs, rounds }) {
  const records = proofs.flatMap(({ seed, solutions }) =>
    decodeSolutions(solutions).map(({ attempt, indices }) => ({ seed: attemptSeed(seed, attempt), indices })),
  );
  const each = (check) => {
    const times = Array.from({ length: rounds + 3 }, () =>
      cpuMs(() => {
        for (const { seed, indices } of records) check(seed, indices);
      }),
    );
    return (median(times.slice(3)) * 1000) / records.length;
  };
  if (!records.every(({ seed, indices }) => isSolved(seed, indices))) throw new Error('a true record is refused');
  return { filter: each(filterValue), full: each(isSolved) };
}
