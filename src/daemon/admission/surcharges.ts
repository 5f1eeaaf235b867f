// What multiplies the price for whoever asks (docs/proof-of-work.md, "Surcharges"): many grants of one account, many
// newcomers of one network, failed proofs, failed logins, questions without an answer. Nobody pays for what others do.
import { toBase64 } from '../../protocol/bytes.js';
import type { Purpose } from '../../protocol/messages.js';
import { challengeBinding } from '../../protocol/proof-of-work.js';
import { AccountLoads } from './account-loads.js';
import { DecayingSketch } from './decaying-sketch.js';
import type { Tier } from './prices.js';

const halfLifeMs = 10 * 60_000;
/** What a network may take within the half-life before it costs more, and what each thing counts. */
const networkAllowance = 600;
const networkWeights: Readonly<Record<Purpose, number>> = { register: 60, login: 10, upload: 1, query: 1 };
const failedProofWeight = 60;
const networkMax = 8;
/** Logins may fail twice before they cost double, and double again. */
const freeFailures = 2;
const failureDoublingsMax = 8;
/** Unanswered ids that cost nothing extra: those of a standard grant. */
const freeUnansweredIds = 16_384;
const unansweredMax = 64;

export interface Applicant {
  readonly purpose: Purpose;
  readonly tier: Tier;
  /** Account id; undefined for register and login. */
  readonly account: string | undefined;
  /** Token id, where a token asks: its strikes are its own, so that a stolen one cannot make the daemon deaf to its owner. */
  readonly token?: string | undefined;
  /** `networkOf` the address; undefined where there is none that says anything. */
  readonly network: string | undefined;
  /** Of a login: what stands for the name. */
  readonly login?: string | undefined;
  /** Of a query: ids that the account has asked about today without an answer. */
  readonly unansweredIds?: number;
}

/** Times are of any steady clock in milliseconds. */
export class Surcharges {
  readonly #loads = new AccountLoads();
  readonly #networks: DecayingSketch;
  readonly #logins: DecayingSketch;

  constructor(nowMs: number) {
    this.#networks = new DecayingSketch(halfLifeMs, nowMs);
    this.#logins = new DecayingSketch(halfLifeMs, nowMs);
  }

  /** At least 1. */
  of(applicant: Applicant, factor: number, nowMs: number): number {
    const { purpose, tier, account, token, network, login, unansweredIds = 0 } = applicant;
    let surcharge = account === undefined ? 1 : this.#loads.surcharge(account, factor, nowMs);
    if (token !== undefined) surcharge *= this.#loads.surcharge(token, 1, nowMs);
    const isStranger = tier === 'new' || purpose === 'register' || purpose === 'login';
    if (network !== undefined && isStranger) surcharge *= this.#networkSurcharge(network, nowMs);
    if (purpose === 'login' && login !== undefined) {
      const failures = Math.round(this.#logins.count(loginKey(login, network), nowMs));
      surcharge *= 2 ** Math.min(Math.max(failures - freeFailures, 0), failureDoublingsMax);
    }
    if (purpose === 'query') surcharge *= Math.min(Math.max(unansweredIds / freeUnansweredIds, 1), unansweredMax);
    return surcharge;
  }

  /** What divides the bid of an account when it takes its place in the queue. */
  handicap(account: string, factor: number, nowMs: number): number {
    return this.#loads.handicap(account, factor, nowMs);
  }

  /** A right proof that was shown for the first time, admitted or not: whoever collects them pays for having many. */
  countGrant({ account }: Applicant, nowMs: number): void {
    if (account !== undefined) this.#loads.granted(account, nowMs);
  }

  /** Something was given to somebody without a record. */
  countNewcomer({ purpose, tier, account, network }: Applicant, nowMs: number): void {
    const isStranger = tier === 'new' || account === undefined;
    if (network !== undefined && isStranger) this.#networks.add(network, networkWeights[purpose], nowMs);
  }

  proofFailed({ account, token, network }: Applicant, nowMs: number): void {
    const caller = token ?? account;
    if (caller !== undefined) this.#loads.strike(caller, nowMs);
    else if (network !== undefined) this.#networks.add(network, failedProofWeight, nowMs);
  }

  countFailedLogins(login: string, network: string | undefined, count: number, nowMs: number): void {
    this.#logins.add(loginKey(login, network), count, nowMs);
  }

  hasStrike(account: string, nowMs: number): boolean {
    return this.#loads.hasStrike(account, nowMs);
  }

  isDeafTo({ account, token }: Pick<Applicant, 'account' | 'token'>, nowMs: number): boolean {
    return [account, token].some((caller) => caller !== undefined && this.#loads.isDeafTo(caller, nowMs));
  }

  /** The square root, so that campus networks and those behind one address survive. */
  #networkSurcharge(network: string, nowMs: number): number {
    return Math.min(Math.max(Math.sqrt(this.#networks.count(network, nowMs) / networkAllowance), 1), networkMax);
  }
}

/** Whoever wants to log in as `account`, a name. */
export function loginOf(account: string, network: string | undefined) {
  const binding = challengeBinding('login', account);
  return { purpose: 'login', tier: 'new', account: undefined, network, binding, login: toBase64(binding) } as const;
}

/** Kept for name and network together: nobody can make the owner's own logins dearer from elsewhere. */
function loginKey(login: string, network: string | undefined): string {
  return `${login}|${network ?? ''}`;
}
