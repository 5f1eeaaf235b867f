// Which tier an account is in (docs/proof-of-work.md, "Tiers").
import type { Tier } from '../protocol/messages.js';
import type { Standing } from './db/standings.js';

const establishedAgeMs = 72 * 60 * 60 * 1000;
const establishedGrants = 5;
const establishedDays = 3;

/** The operator's word first; else age and a record of paid grants, and no strike. */
export function tierOf(standing: Standing, hasStrike: boolean, nowMs: number): Tier {
  if (standing.decision !== null) return standing.decision;
  const isOld = nowMs - standing.createdAt >= establishedAgeMs;
  const hasRecord = standing.paidGrants >= establishedGrants && standing.grantDays >= establishedDays;
  return isOld && hasRecord && !hasStrike ? 'established' : 'new';
}
