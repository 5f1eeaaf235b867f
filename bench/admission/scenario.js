// One run: honest users from beginning to end, an attack in between, and what came of it.
import { quantile, seededRandom } from '../report.js';
import { patienceS, runAttacker, runHonest, runInvalid, runSession, runStream } from './clients.js';
import { Daemon } from './daemon.js';
import { Events } from './events.js';
import { laws } from './laws.js';

const warmUpS = 60;

export function runScenario(scenario, seed) {
  const { attackS = 480, afterS = 30 } = scenario;
  const events = new Events();
  const random = seededRandom(seed * 7919 + 17);
  const daemon = new Daemon(events, random, laws[scenario.law ?? 'adaptive']());
  const world = { events, random, daemon };
  const times = { fromS: warmUpS, untilS: warmUpS + attackS };
  const sessions = [];
  runHonest(world, times.untilS + afterS, (session) => sessions.push(session));
  events.at(warmUpS, () => attack(world, scenario, times));
  const jobs = [];
  if (scenario.jobs !== undefined) events.at(warmUpS + 10, () => runJobs(world, scenario.jobs, jobs));
  let verifiedBefore = 0;
  events.at(times.fromS, () => {
    verifiedBefore = daemon.verifiedSeconds;
  });
  events.runUntil(times.untilS);
  const verified = (daemon.verifiedSeconds - verifiedBefore) / attackS;
  events.runUntil(times.untilS + afterS);
  // Whoever is counted has all its patience within the attack.
  const during = sessions.filter(({ beganAt }) => beganAt >= times.fromS && beganAt <= times.untilS - patienceS);
  return {
    established: outcome(during.filter(({ isEstablished }) => isEstablished)),
    new: outcome(during.filter(({ isEstablished }) => !isEstablished)),
    all: outcome(during),
    jobs: jobs.length > 0 ? { ...outcome(jobs), attempts: jobs.map(({ attempts }) => attempts) } : undefined,
    prices: {
      new: pricePath(daemon.history, 'new', times),
      established: pricePath(daemon.history, 'established', times),
    },
    history: daemon.history,
    verified,
    events: events.count,
  };
}

function attack(world, scenario, { fromS, untilS }) {
  const { attackers = 0, agedPart = 0, pulse, requests, invalid, freeRequests, ...habits } = scenario;
  const isActive = (now) => {
    if (now > untilS) return undefined;
    if (pulse === undefined) return now;
    const phase = (now - fromS) % (pulse.onS + pulse.offS);
    return phase < pulse.onS ? now : now + pulse.onS + pulse.offS - phase;
  };
  for (let i = 0; i < attackers; i += 1) {
    const { bid, isCutting, isImpatient, accounts } = habits;
    runAttacker(world, {
      name: `m${i}`,
      isActive,
      isAged: i < attackers * agedPart,
      accounts,
      bid,
      isCutting,
      isImpatient,
    });
  }
  const account = (i) => ({ id: `bot-${i}`, isEstablished: false });
  if (freeRequests !== undefined) {
    runStream(world, { perSecond: freeRequests, fromS, untilS }, (i) =>
      world.daemon.challenge(account(i % 50), `bots-${i % 50}`, () => {}),
    );
  }
  if (requests !== undefined) {
    // Without a proof of work a request is all it takes.
    runStream(world, { perSecond: requests, fromS, untilS }, (i) =>
      world.daemon.challenge(account(i), `bots-${i}`, (challenge) =>
        world.daemon.submit({ challenge, count: 0, isValid: true }, () => {}),
      ),
    );
  }
  if (invalid !== undefined) runInvalid(world, { ...invalid, fromS, untilS });
}

/** One established account that starts many jobs at once. */
function runJobs(world, count, jobs) {
  const account = { id: 'heavy', isEstablished: true };
  for (let i = 0; i < count; i += 1) {
    runSession(world, { account, network: 'heavy', speed: 133 }, (session) => jobs.push(session));
  }
}

function outcome(sessions) {
  const granted = sessions.filter(({ isGranted }) => isGranted);
  const latencies = granted.map(({ latency }) => latency);
  return {
    count: sessions.length,
    success: granted.length / sessions.length,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    servedP95: quantile(
      granted.map(({ served }) => served),
      0.95,
    ),
  };
}

/** How the price went up and down again. */
function pricePath(history, tier, { fromS, untilS }) {
  const during = history.filter(({ at }) => at > fromS && at <= untilS);
  const last = during.slice(-60).map((row) => row[tier]);
  const final = quantile(last, 0.5);
  const peak = Math.max(...during.map((row) => row[tier]));
  const low = Math.max(1, final / 8);
  const after = history.find((row) => row.at > untilS && row[tier] <= low * (1 + 1e-9));
  return {
    final,
    peak,
    riseS: (during.find((row) => row[tier] >= 0.7 * final)?.at ?? Number.NaN) - fromS,
    fallS: (after?.at ?? Number.NaN) - untilS,
    isAlwaysFloor: history.every((row) => row[tier] === 1),
  };
}
