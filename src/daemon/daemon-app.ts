// Puts the whole daemon together: storage routes, accounts, admission. The program and the embedded default both start here.
import type { Hono } from 'hono';
import { AdaptiveAdmission } from './admission/adaptive-admission.js';
import { createFixedAdmission, floorPrice, noPrice } from './admission/admission.js';
import { createLocalReplay, createSharedReplay, type ReplayStore } from './admission/replay-store.js';
import type { AdmissionCounts } from './admission-counts.js';
import { createApp } from './app.js';
import { createChallenges } from './challenges.js';
import { createClientNetwork } from './client-network.js';
import { spendGrant } from './db/grants.js';
import { deleteOldSpentChallenges, isChallengeSpent, spendChallenge } from './db/spent-challenges.js';
import { Guessing } from './guessing.js';
import { createOpaqueServer } from './opaque-server.js';
import { createRecoveries } from './recoveries.js';
import { changePasswordRoute } from './routes/change-password.js';
import { createAccountRoute } from './routes/create-account.js';
import { createChallengeRoute } from './routes/create-challenge.js';
import { createGrantRoute } from './routes/create-grant.js';
import { createSessionRoute } from './routes/create-session.js';
import { endSessionRoute } from './routes/end-session.js';
import { finishRecoveryRoute } from './routes/finish-recovery.js';
import { getAccountRoute } from './routes/get-account.js';
import { listSessionsRoute } from './routes/list-sessions.js';
import { listTokensRoute } from './routes/list-tokens.js';
import { openRecoveryRoute } from './routes/open-recovery.js';
import { revokeSessionRoute } from './routes/revoke-session.js';
import { rotateKeysRoute } from './routes/rotate-keys.js';
import { startLoginRoute } from './routes/start-login.js';
import { startRecoveryRoute } from './routes/start-recovery.js';
import { startRegistrationRoute } from './routes/start-registration.js';
import { deriveServerKey } from './server-keys.js';
import type { Services } from './services.js';
import { WorkMeter } from './work-meter.js';

/** What an operator decides about admission (docs/operating.md). */
export interface DaemonPolicy {
  readonly pow: 'adaptive' | 'floor' | 'off';
  /** `shared` where several daemons serve this database. */
  readonly replay: 'local' | 'shared';
  /** True behind a proxy that appends to `X-Forwarded-For`. */
  readonly isForwarded: boolean;
  /** From 1: see `Guessing`. */
  readonly dedupThreshold: number;
  readonly isGuessingLimited: boolean;
}

/** One person, one process: nobody has to be protected from a crowd. */
export const alonePolicy: DaemonPolicy = {
  pow: 'off',
  replay: 'local',
  isForwarded: false,
  dedupThreshold: 1,
  isGuessingLimited: false,
};

export interface DaemonApp {
  readonly app: Hono;
  /** Undefined where prices are fixed. */
  readonly adaptive: AdaptiveAdmission | undefined;
  readonly meter: WorkMeter;
  /** Answers whoever still waits for admission. */
  close(): void;
}

function createReplay({ database }: Services, policy: DaemonPolicy, meter: WorkMeter): ReplayStore {
  if (policy.replay === 'local') return createLocalReplay();
  return createSharedReplay({
    isSpent: (number) => isChallengeSpent(database.orm, number),
    // Only right proofs come here: it is a part of what a grant costs.
    spend: (number, expiresAtS) => meter.onLoop(() => spendChallenge(database.orm, number, expiresAtS * 1000)),
  });
}

export async function createDaemonApp(
  services: Services,
  policy: DaemonPolicy,
  counts?: AdmissionCounts,
): Promise<DaemonApp> {
  const { now, keys, database } = services;
  const masterKey = deriveServerKey(keys, 'challenges');
  const meter = new WorkMeter();
  const challenges = createChallenges({ masterKey, replay: createReplay(services, policy, meter), now });
  const clock = () => performance.now();
  const adaptive =
    policy.pow === 'adaptive'
      ? new AdaptiveAdmission({ challenges, clock, ...(counts && { events: counts.events }) })
      : undefined;
  const admission = adaptive ?? createFixedAdmission(challenges, policy.pow === 'off' ? noPrice : floorPrice);
  const needs = {
    ...services,
    admission,
    clientNetwork: createClientNetwork(policy.isForwarded),
    meter,
    opaque: await createOpaqueServer(keys.opaqueServerSetup, now),
    recoveries: createRecoveries(now),
  };
  const guessing = new Guessing({
    isLimited: policy.isGuessingLimited,
    threshold: policy.dedupThreshold,
    key: deriveServerKey(keys, 'dedup-threshold'),
  });
  if (policy.replay === 'shared') deleteOldSpentChallenges(database.orm, now());
  const app = createApp({
    ...services,
    spendGrant,
    guessing,
    meter,
    ...(counts && { onRefusal: counts.onRefusal }),
    mountRoutes: [
      (app) => {
        createChallengeRoute(app, needs);
        createGrantRoute(app, needs);
        startRegistrationRoute(app, needs);
        createAccountRoute(app, needs);
        getAccountRoute(app, needs);
        startLoginRoute(app, needs);
        createSessionRoute(app, needs);
        changePasswordRoute(app, needs);
        rotateKeysRoute(app, needs);
        startRecoveryRoute(app, needs);
        openRecoveryRoute(app, needs);
        finishRecoveryRoute(app, needs);
        listSessionsRoute(app, needs);
        // Before `revokeSession`, whose path fits it too.
        endSessionRoute(app, needs);
        listTokensRoute(app, needs);
        revokeSessionRoute(app, needs);
      },
    ],
  });
  return {
    app,
    adaptive,
    meter,
    close: () => {
      admission.close();
    },
  };
}
