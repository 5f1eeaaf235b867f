// Who asks: honest sessions, and the machines of an attack. Machines are limited by what they can compute and nothing else.
import { exponential, normal, poisson } from './events.js';

const puzzlesMax = 64;
export const patienceS = 120;
const medianSpeed = 133;
const sessionsPerSecond = 8;
const establishedPart = 0.8;

/** Seconds until `count` sub-solutions are found. */
function solveSeconds({ effort256 }, count, speed, random) {
  let sum = 0;
  for (let i = 0; i < count; i += 1) sum += exponential(random);
  return (sum * effort256) / 512 / speed;
}

/** Honest sessions: each asks for one grant and tells `ended` how it went. */
export function runHonest({ events, random, daemon }, untilS, ended) {
  const arrive = () => {
    if (events.now > untilS) return;
    events.at(events.now + exponential(random) / sessionsPerSecond, arrive);
    const isEstablished = random() < establishedPart;
    const id = `${isEstablished ? 'old' : 'young'}-${Math.floor(random() * (isEstablished ? 2000 : 500))}`;
    const speed = medianSpeed * Math.exp(0.5 * normal(random));
    runSession(
      { events, random, daemon },
      { account: { id, isEstablished }, network: `10.${Math.floor(random() * 1000)}`, speed },
      ended,
    );
  };
  arrive();
}

/** One honest client: solves, comes back when it is told to with all it has found meanwhile, and gives up in the end. */
export function runSession({ events, random, daemon }, { account, network, speed }, ended) {
  const beganAt = events.now;
  const session = {
    isEstablished: account.isEstablished,
    beganAt,
    isGranted: false,
    latency: patienceS,
    served: patienceS,
  };
  ended(session);
  daemon.challenge(account, network, (challenge) => {
    session.attempts = challenge.effort256 / 32;
    let count = challenge.puzzles;
    const solvedAt = events.now + solveSeconds(challenge, count, speed, random);
    const submit = () => {
      if (events.now - beganAt > patienceS) return;
      const sentAt = events.now;
      daemon.submit({ challenge, count, isValid: true }, (answer, onServed) => {
        if (answer === 'granted') {
          session.latency = events.now - beganAt;
          session.isGranted = session.latency <= patienceS;
          onServed(() => {
            session.served = events.now - beganAt;
          });
        } else if (answer.notBefore !== undefined) {
          const mean = ((answer.notBefore - sentAt) * speed * 512) / challenge.effort256;
          if (count > 0) count += poisson(random, mean, puzzlesMax - count);
          events.at(answer.notBefore, submit);
        } else throw new Error(`an honest proof was answered '${answer}'`);
      });
    };
    events.at(solvedAt, submit);
  });
}

/**
 * A machine that solves without a pause. What is refused comes back, as it is, until patience ends. `bid` times the
 * sub-solutions asked for; with `isCutting`, one of 16 is false, which a check of four finds in a quarter of all cases.
 */
export function runAttacker(
  world,
  { name, isActive, isAged = false, accounts = 1, bid = 1, isCutting = false, isImpatient = false },
) {
  const { events, random, daemon } = world;
  let made = 0;
  const next = () => {
    const resumeAt = isActive(events.now);
    if (resumeAt === undefined) return;
    if (resumeAt > events.now) return events.at(resumeAt, next);
    made += 1;
    const account = isAged
      ? { id: `aged-${name}-${made % accounts}`, isEstablished: true }
      : { id: `${name}-${made}`, isEstablished: false };
    daemon.challenge(account, `net-${name}-${made}`, (challenge) => {
      const count = Math.min(puzzlesMax, challenge.puzzles * bid);
      const work = isCutting ? count - 1 : count;
      events.at(events.now + solveSeconds(challenge, work, medianSpeed, random), () => {
        next();
        retry(world, { challenge, count, isValid: !isCutting || random() < 0.75 }, isImpatient);
      });
    });
  };
  next();
}

function retry({ events, daemon }, proof, isImpatient) {
  const untilS = events.now + patienceS;
  const submit = () => {
    if (events.now > untilS) return;
    daemon.submit(proof, ({ notBefore }) => {
      if (notBefore !== undefined) events.at(isImpatient ? events.now + 0.2 : notBefore, submit);
    });
  };
  submit();
}

/** Requests at a constant rate that cost their sender nothing: `send(i)` for the i-th. */
export function runStream({ events }, { perSecond, fromS, untilS }, send) {
  let sent = 0;
  const tick = () => {
    if (events.now > untilS) return;
    send(sent);
    sent += 1;
    events.at(events.now + 1 / perSecond, tick);
  };
  events.at(fromS, tick);
}

/**
 * Proofs with a good MAC and random answers, from a pool of accounts. An account that is no longer heard is replaced as
 * soon as a new one is registered, `refillPerSecond` at most. The first `aged` accounts are established ones.
 */
export function runInvalid(world, { perSecond, pool, refillPerSecond, aged = 0, fromS, untilS }) {
  const { daemon, events, random } = world;
  const accounts = Array.from({ length: pool }, (_, i) => ({ id: `junk-${i}`, isEstablished: i < aged, open: [] }));
  let refilled = 0;
  const replace = (place) => {
    if (refilled >= refillPerSecond * (events.now - fromS)) return;
    refilled += 1;
    accounts[place] = { id: `junk-new-${refilled}`, isEstablished: false, open: [] };
  };
  const send = (challenge, account, place) => {
    daemon.submit({ challenge, count: puzzlesMax, isValid: false }, (answer) => {
      if (answer === 'deaf') replace(place);
      if (answer !== 'invalid' && answer !== 'spent') account.open.push(challenge);
    });
  };
  runStream(world, { perSecond, fromS, untilS }, () => {
    const place = Math.floor(random() * pool);
    const account = accounts[place];
    const challenge = account.open.pop();
    if (challenge !== undefined) send(challenge, account, place);
    else daemon.challenge(account, `junk-${account.id}`, (fresh) => send(fresh, account, place));
  });
}
