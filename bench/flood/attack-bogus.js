// A flood of proofs that are worth nothing, in four equal parts: tokens whose MAC is wrong; true tokens with random answers;
// proofs in which one of sixteen answers is false; proofs that were spent before.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import {
  attemptSeed,
  challengeSeed,
  encodeSolutions,
  filterValue,
  isFilterPassed,
} from '../../dist/protocol/proof-of-work.js';
import { createForge, effortOf, floorAttempts, puzzles } from './tokens.js';
import { ConnectionPool, outcomeOf, postJson } from './wire.js';

const tickMs = 5;
const connections = 800;
/** Requests on one connection that do not wait for each other's answers. */
const depth = 8;
const bogusEpoch = 3;
const madeAhead = 512;
const spentProofs = 200;
/** Who does not wait for answers gives the daemon so long to begin. */
const hastyMs = 20;

function randomIndices() {
  const chosen = new Set();
  while (chosen.size < 8) chosen.add(Math.floor(Math.random() * 65_536));
  return Uint16Array.from([...chosen].sort((a, b) => a - b));
}

function randomAnswers() {
  return encodeSolutions(
    Array.from({ length: puzzles }, (_, attempt) => ({ attempt: attempt * 7, indices: randomIndices() })),
  );
}

/** The last of the answers replaced by a random one, which passes the filter as seldom as one at the whole price does. */
function spoil({ token, solutions }, effort256) {
  const records = Buffer.from(solutions, 'base64url');
  const last = records.subarray(records.length - 20);
  const seed = attemptSeed(challengeSeed(Buffer.from(token, 'base64url')), 0xffffffff);
  const isToPass = Math.random() < puzzles / (2 * floorAttempts);
  last.writeUInt32BE(0xffffffff);
  for (;;) {
    const indices = randomIndices();
    if (isFilterPassed(filterValue(seed, indices), effort256) !== isToPass) continue;
    for (const [i, index] of indices.entries()) last.writeUInt16BE(index, 4 + 2 * i);
    return { token, solutions: records.toString('base64url') };
  }
}

/** Makes the next request of each kind. Proofs of the pool that stand for spent ones are spent first. */
function createKinds({ accounts, keys, poolFile, poolAccounts }) {
  const forge = createForge({ masterKey: Buffer.from(keys.masterKey, 'base64url') });
  const floor = JSON.parse(readFileSync(poolFile, 'utf8')).levels[0].proofs;
  const requestOf = ({ account, ...proof }) =>
    postJson('/v1/grants', accounts[account].secretText, JSON.stringify({ proof }));
  const spent = floor.slice(0, spentProofs).map(requestOf);
  const effort256 = effortOf(floorAttempts);
  const spoiled = floor
    .slice(spentProofs)
    .map((proof) => requestOf({ account: proof.account, ...spoil(proof, effort256) }));
  const answers = Array.from({ length: madeAhead }, randomAnswers);
  const crowd = accounts.length - poolAccounts;
  let seq = 0;
  const forged = (isOurs) => {
    seq += 1;
    const account = poolAccounts + (seq % crowd);
    const issuedAtS = Math.floor(Date.now() / 1000);
    const token = forge({ epoch: bogusEpoch, seq, account: accounts[account], attempts: floorAttempts, issuedAtS });
    if (!isOurs) randomBytes(16).copy(token, token.length - 16);
    return requestOf({ account, token: token.toString('base64url'), solutions: answers[seq % madeAhead] });
  };
  // What is refused for its MAC needs no token of its own.
  const wrongMacs = Array.from({ length: madeAhead }, () => forged(false));
  let turn = 0;
  return {
    spent,
    kinds: [
      ['bad MAC', () => wrongMacs[turn % madeAhead]],
      ['random answers', () => forged(true)],
      ['15 of 16', () => spoiled[turn % spoiled.length]],
      ['replay', () => spent[turn % spent.length]],
    ],
    next: () => {
      turn += 1;
    },
  };
}

/** A connection for one request, gone before the answer can come. */
function sendInHaste(port, request, count) {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => count('no connection'));
  socket.on('connect', () => {
    socket.write(request, () => count('sent in haste'));
    setTimeout(() => socket.destroy(), hastyMs);
  });
}

export function bogusFlood(config) {
  const { requestsPerSecond, isHasty, count, port } = config;
  const { kinds, next, spent } = createKinds(config);
  const pool = new ConnectionPool({ port, connections, depth });
  const send = (name, request) => {
    if (isHasty) {
      sendInHaste(port, request, count);
      return;
    }
    const isSent = pool.send(request, (answer) => count(`${name}: ${outcomeOf(answer)}`));
    count(isSent ? 'sent' : 'not sent');
  };
  for (const request of spent) pool.send(request, (answer) => count(`first use: ${outcomeOf(answer)}`));
  let due = 0;
  let kind = 0;
  let atMs = performance.now();
  setInterval(() => {
    const nowMs = performance.now();
    due = Math.min(due + ((nowMs - atMs) / 1000) * requestsPerSecond, requestsPerSecond / 10);
    atMs = nowMs;
    for (; due >= 1; due -= 1) {
      const [name, make] = kinds[kind];
      send(name, make());
      kind = (kind + 1) % kinds.length;
      if (kind === 0) next();
    }
  }, tickMs);
}
