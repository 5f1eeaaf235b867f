// Earns grants as they are needed: the next one is solved while the current one is used up (docs/proof-of-work.md).

import { ProtocolError } from '../../protocol/errors.js';
import type { grantBudgets } from '../../protocol/limits.js';
import type { CreateGrantResponse } from '../../protocol/messages.js';
import type { DaemonApi } from '../daemon-api.js';
import { ClientError } from '../errors.js';
import type { PaidSolver } from '../paid-solver.js';

type GrantPurpose = keyof typeof grantBudgets;

export interface Cost {
  readonly bytes: number;
  readonly blobs: number;
  readonly ids: number;
}

interface Purse {
  grant: CreateGrantResponse | undefined;
  left: { bytes: number; blobs: number; ids: number };
  next: Promise<CreateGrantResponse> | undefined;
  /** Size of the next one, in standard grants. */
  units: number;
}

/** A grant that the daemon does not take any more is replaced this often. */
const triesMax = 3;
/** What is bought ahead may stay unused, so grants do not grow for ever. */
const unitsMax = 8;

export class GrantBroker {
  readonly #api: DaemonApi;
  readonly #solver: PaidSolver;
  readonly #purses = new Map<GrantPurpose, Purse>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(api: DaemonApi, solver: PaidSolver) {
    this.#api = api;
    this.#solver = solver;
  }

  /** Runs `work` with a grant that covers `cost`; once more with a fresh grant when the daemon counts differently. */
  async spend<T>(purpose: GrantPurpose, cost: Cost, work: (grant: string) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const grant = await this.#inTurn(() => this.#take(purpose, cost));
      try {
        return await work(grant);
      } catch (error) {
        const isSpent =
          error instanceof ProtocolError && (error.code === 'grant-exhausted' || error.code === 'grant-invalid');
        if (!isSpent || attempt === triesMax) throw error;
        this.#drop(purpose, grant);
      }
    }
  }

  /** A grant will be needed: it is bought while other work goes on. */
  prepare(purpose: GrantPurpose): void {
    const purse = this.#purse(purpose);
    if (purse.grant !== undefined || purse.next !== undefined) return;
    this.#buyAhead(purpose, purse);
  }

  /** One after the other, so that two takers never share one remainder. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #take(purpose: GrantPurpose, cost: Cost): Promise<string> {
    const purse = this.#purse(purpose);
    const { left } = purse;
    if (purse.grant === undefined || left.bytes < cost.bytes || left.blobs < cost.blobs || left.ids < cost.ids) {
      const next = purse.next ?? this.#buy(purpose, purse);
      purse.next = undefined;
      const grant = await next;
      purse.grant = grant;
      purse.left = { bytes: grant.bytes, blobs: grant.blobs, ids: grant.ids };
      if (grant.bytes < cost.bytes || grant.blobs < cost.blobs || grant.ids < cost.ids) {
        throw new ClientError('refused', 'the daemon grants less than one request needs');
      }
    }
    purse.left = {
      bytes: purse.left.bytes - cost.bytes,
      blobs: purse.left.blobs - cost.blobs,
      ids: purse.left.ids - cost.ids,
    };
    if (purse.next === undefined && isHalfUsed(purse)) this.#buyAhead(purpose, purse);
    return purse.grant.grant;
  }

  #purse(purpose: GrantPurpose): Purse {
    const known = this.#purses.get(purpose);
    if (known !== undefined) return known;
    const purse = { grant: undefined, left: { bytes: 0, blobs: 0, ids: 0 }, next: undefined, units: 1 };
    this.#purses.set(purpose, purse);
    return purse;
  }

  #buyAhead(purpose: GrantPurpose, purse: Purse): void {
    purse.next = this.#buy(purpose, purse);
    // A fault shows when the grant is taken.
    purse.next.catch(() => undefined);
  }

  #drop(purpose: GrantPurpose, grant: string): void {
    const purse = this.#purses.get(purpose);
    if (purse?.grant?.grant === grant) purse.grant = undefined;
  }

  /** Whoever needs more buys larger ones: the price goes by the size, surcharges by the number. */
  #buy(purpose: GrantPurpose, purse: Purse): Promise<CreateGrantResponse> {
    const { units } = purse;
    purse.units = Math.min(2 * units, unitsMax);
    return this.#solver.pay(this.#api, { purpose, units }, (proof, ticket) => this.#api.createGrant({ proof }, ticket));
  }
}

function isHalfUsed({ grant, left }: Purse): boolean {
  if (grant === undefined) return false;
  return left.bytes * 2 < grant.bytes || left.blobs * 2 < grant.blobs || left.ids * 2 < grant.ids;
}
