// Attackers who want grants: with proof of work they pay what the daemon asks, out of the attempts that so many machines
// make in a second; without, they ask twenty times a second each. Every grant is used for one small upload.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodeBlobRecord } from '../../dist/protocol/blob-stream.js';
import { createForge } from './tokens.js';
import { ConnectionPool, outcomeOf, postBytes, postJson } from './wire.js';

const tickMs = 10;
/** Attempts a second of one machine, the daemon's own reference. */
const machineAttempts = 133;
const freeRequestsPerMachine = 20;
const patienceMs = 120_000;
/** Whoever has so many grants that wait for the disk buys no more. */
const unusedMax = 2000;
const uploadConnections = 700;
const askConnections = 250;
const freeEpoch = 2;

/** Seconds since the last call: timers come late. */
function createStopwatch() {
  let atMs = performance.now();
  return () => {
    const beforeMs = atMs;
    atMs = performance.now();
    return (atMs - beforeMs) / 1000;
  };
}

/** A leaf of the least size that the daemon takes. */
function randomBlob() {
  const blob = Buffer.concat([Buffer.from([0x4a, 0x43, 1, 0]), randomBytes(1024 + 16)]);
  const id = createHash('sha256').update(blob).digest();
  return Buffer.from(encodeBlobRecord({ id, blob }));
}

/** Uploads with grants as fast as connections take them; the rest waits here. */
function createUploads({ port, count }) {
  const pool = new ConnectionPool({ port, connections: uploadConnections });
  const waiting = [];
  const use = () => {
    while (waiting.length > 0 && !pool.isFull) {
      const { grant, account } = waiting.shift();
      pool.send(postBytes('/v1/blobs', account.secretText, randomBlob(), `jaycloud-grant: ${grant}\r\n`), (answer) => {
        count(`upload ${outcomeOf(answer)}`);
        use();
      });
    }
  };
  return {
    get waiting() {
      return waiting.length;
    },
    add(grant, account) {
      waiting.push({ grant, account });
      use();
    },
  };
}

/** Sends one proof until it is admitted, refused for good or too old. */
function createBidder({ port, count }, uploads) {
  const pool = new ConnectionPool({ port, connections: askConnections, depth: 16 });
  return function bid(account, proof, firstMs = performance.now(), ticket = undefined) {
    const header = ticket === undefined ? '' : `jaycloud-ticket: ${ticket}\r\n`;
    const request = postJson('/v1/grants', account.secretText, JSON.stringify({ proof }), header);
    const isSent = pool.send(request, (answer) => {
      const outcome = outcomeOf(answer);
      count(`grant ${outcome}`);
      if (outcome === 'ok') uploads.add(/"grant":"([0-9a-f]+)"/.exec(answer.body)[1], account);
      if (outcome !== 'not-admitted') return;
      const { error } = JSON.parse(answer.body);
      const waitMs = Math.max(0, Date.parse(error.notBefore) - Date.now()) + Math.random() * 500;
      if (performance.now() + waitMs - firstMs > patienceMs) count('given up');
      else setTimeout(() => bid(account, proof, firstMs, error.ticket), waitMs);
    });
    if (!isSent) count('not sent');
  };
}

/** Asks the real daemon for a real challenge once a second, and so knows the price. */
function followPrice({ port, accounts, count }, onPrice) {
  const pool = new ConnectionPool({ port, connections: 2 });
  const asker = accounts.at(-1);
  const ask = () =>
    pool.send(postJson('/v1/challenges', asker.secretText, '{"purpose":"upload"}'), (answer) => {
      count(`challenge ${outcomeOf(answer)}`);
      const attempts = Number(/"expectedAttempts":([\d.]+)/.exec(answer.body)?.[1]);
      if (attempts > 0) onPrice(attempts);
    });
  ask();
  setInterval(ask, 1000);
}

export function paidFlood(config) {
  const { machines, poolFile, accounts, count, anyLevel } = config;
  const levels = JSON.parse(readFileSync(poolFile, 'utf8')).levels.map(({ attempts, proofs }) => ({
    attempts,
    proofs: proofs.reverse(),
  }));
  const uploads = createUploads(config);
  const bid = createBidder(config, uploads);
  let price = levels[0].attempts;
  followPrice(config, (attempts) => {
    price = attempts;
  });
  const elapsedS = createStopwatch();
  let budget = 0;
  setInterval(() => {
    budget += machines * machineAttempts * elapsedS();
    while (uploads.waiting < unusedMax) {
      // The daemon rounds a price; a level that is half a percent below it will do.
      const level = levels.find(({ attempts, proofs }) => proofs.length > 0 && (anyLevel || attempts >= price * 0.995));
      if (level === undefined) {
        count('pool empty');
        return;
      }
      // With a fixed price it does not matter what a proof was solved for: it passes as one at the floor.
      const cost = anyLevel ? levels[0].attempts : level.attempts;
      if (budget < cost) return;
      budget -= cost;
      count('attempts', cost);
      count('proofs');
      const { account, token, solutions } = level.proofs.pop();
      bid(accounts[account], { token, solutions });
    }
    budget = 0;
  }, tickMs);
}

export function freeFlood(config) {
  const { machines, accounts, keys, count } = config;
  const forge = createForge({ masterKey: Buffer.from(keys.masterKey, 'base64url') });
  const uploads = createUploads(config);
  const bid = createBidder(config, uploads);
  const elapsedS = createStopwatch();
  let [due, seq] = [0, 0];
  setInterval(() => {
    due += machines * freeRequestsPerMachine * elapsedS();
    for (; due >= 1 && uploads.waiting < unusedMax; due -= 1) {
      const account = accounts[seq % accounts.length];
      const issuedAtS = Math.floor(Date.now() / 1000);
      const token = forge({ epoch: freeEpoch, seq, account, issuedAtS, isFree: true }).toString('base64url');
      seq += 1;
      count('proofs');
      bid(account, { token, solutions: '' });
    }
    due = Math.min(due, 1);
  }, tickMs);
}
