// Who waits, and who is next (docs/proof-of-work.md, "Admission").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdmissionQueue, type Waiting, waitingPerAccountMax } from '../../../src/daemon/admission/admission-queue.js';
import { type Tier, tiers } from '../../../src/daemon/admission/prices.js';

interface Entry extends Waiting {
  readonly name: string;
}

function entry(name: string, parts: Partial<Waiting> = {}): Entry {
  return { name, tier: 'new', account: undefined, units: 1, factorPaid: 1, issuedAtMs: 0, ...parts };
}

function queueOf(entries: readonly Entry[], unitsMax = Infinity) {
  const queue = new AdmissionQueue<Entry>();
  const dropped = entries.flatMap((one) => queue.add(one, unitsMax));
  return { queue, dropped: names(dropped) };
}

const names = (entries: Iterable<Entry>) => [...entries].map(({ name }) => name);

/** Serves so many, or all. */
function serve(queue: AdmissionQueue<Entry>, most = Infinity, isAllowed?: (tier: Tier) => boolean): Entry[] {
  const served: Entry[] = [];
  while (served.length < most) {
    const next = queue.peek(isAllowed);
    if (next === undefined) break;
    queue.serve(next);
    served.push(next);
  }
  return served;
}

describe('the order within a tier', () => {
  it('is by bid, then by the age of the challenge, then by arrival', () => {
    const { queue } = queueOf([
      entry('young', { issuedAtMs: 30 }),
      entry('poor', { factorPaid: 0.5, issuedAtMs: 1 }),
      entry('rich', { factorPaid: 2, issuedAtMs: 40 }),
      entry('old', { issuedAtMs: 10 }),
      entry('later', { issuedAtMs: 30 }),
    ]);
    expect(names(serve(queue))).toEqual(['rich', 'old', 'young', 'later', 'poor']);
  });

  it('holds for any entries', () => {
    const any = fc.record({ factorPaid: fc.integer({ min: 1, max: 5 }), issuedAtMs: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(any), (parts) => {
        const { queue } = queueOf(parts.map((part, i) => entry(String(i), part)));
        const served = serve(queue);
        const sorted = served.toSorted((a, b) => b.factorPaid - a.factorPaid || a.issuedAtMs - b.issuedAtMs);
        expect(names(served)).toEqual(names(sorted));
        expect(served).toHaveLength(parts.length);
      }),
    );
  });
});

describe('the places of an account', () => {
  const of = (account: string, factorPaids: readonly number[]) =>
    factorPaids.map((factorPaid) => entry(`${account}${String(factorPaid)}`, { account, factorPaid }));

  it('are four; one more costs it its lowest bid, be it the newest or an older one', () => {
    expect(waitingPerAccountMax).toBe(4);
    expect(queueOf(of('a', [4, 3, 2, 1])).dropped).toEqual([]);
    expect(queueOf(of('a', [5, 4, 3, 2, 1])).dropped).toEqual(['a1']);
    expect(queueOf(of('a', [1, 2, 3, 4, 5])).dropped).toEqual(['a1']);
  });

  it('are nobody else’s, and free again when one is served or removed', () => {
    const { queue, dropped } = queueOf([...of('a', [4, 3, 2, 1]), ...of('b', [4, 3, 2, 1])]);
    expect(dropped).toEqual([]);
    expect(names(serve(queue, 1))).toEqual(['a4']);
    expect(queue.add(entry('more', { account: 'a', factorPaid: 9 }), Infinity)).toEqual([]);
    const [waiting] = [...queue];
    expect(queue.remove(waiting!)).toBe(true);
    expect(queue.add(entry('again', { account: 'a', factorPaid: 9 }), Infinity)).toEqual([]);
    expect(names(queue.add(entry('fifth', { account: 'a', factorPaid: 0.1 }), Infinity))).toEqual(['fifth']);
  });

  it('are not counted where there is no account', () => {
    expect(queueOf(Array.from({ length: 50 }, (_, i) => entry(String(i)))).dropped).toEqual([]);
  });
});

describe('the bound', () => {
  it('gives each tier its share of the units, and drops the lowest bids first', () => {
    const three = [2, 3, 4].map((factorPaid) => entry(String(factorPaid), { factorPaid }));
    expect(queueOf(three, 10).dropped).toEqual([]);
    const { queue, dropped } = queueOf([...three, entry('5', { factorPaid: 5 }), entry('1', { factorPaid: 1 })], 10);
    expect(dropped).toEqual(['2', '1']);
    expect(queue.unitsOf('new')).toBe(3);
    const established = Array.from({ length: 8 }, (_, i) => entry(String(i), { tier: 'established', issuedAtMs: i }));
    expect(queueOf(established, 10).dropped).toEqual(['7']);
  });

  it('drops as many as a large entry needs, and never the only one', () => {
    const small = [entry('a'), entry('b', { issuedAtMs: 1 }), entry('c', { issuedAtMs: 2 })];
    expect(queueOf([...small, entry('large', { units: 2, factorPaid: 2 })], 10).dropped).toEqual(['c', 'b']);
    expect(queueOf([entry('huge', { units: 100 })], 10).dropped).toEqual([]);
    expect(queueOf([entry('huge', { units: 100 }), entry('better', { factorPaid: 2 })], 10).dropped).toEqual(['huge']);
  });

  it('is 4,096 entries for each tier in any case', () => {
    const many = (tier: Tier, count: number) => Array.from({ length: count }, (_, i) => entry(String(i), { tier }));
    expect(queueOf([...many('new', 4096), ...many('established', 4096)]).dropped).toEqual([]);
    expect(queueOf(many('new', 4097)).dropped).toEqual(['4096']);
  });

  it('keeps the sums right whatever is added, served and removed', () => {
    const step = fc.record({
      tier: fc.constantFrom(...tiers),
      units: fc.integer({ min: 1, max: 5 }),
      account: fc.constantFrom(undefined, 'a', 'b'),
      factorPaid: fc.integer({ min: 1, max: 3 }),
      issuedAtMs: fc.nat(3),
      then: fc.constantFrom('serve', 'remove', 'nothing'),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const queue = new AdmissionQueue<Entry>();
        for (const [i, { then, ...parts }] of steps.entries()) {
          const added = entry(String(i), parts);
          const dropped = queue.add(added, 20);
          if (then === 'serve') serve(queue, 1);
          if (then === 'remove') expect(queue.remove(added)).toBe(!dropped.includes(added));
          for (const tier of tiers) {
            const line = [...queue].filter((one) => one.tier === tier);
            expect(queue.lengthOf(tier)).toBe(line.length);
            expect(queue.unitsOf(tier)).toBe(line.reduce((sum, { units }) => sum + units, 0));
          }
          for (const account of ['a', 'b']) {
            const own = [...queue].filter((one) => one.account === account);
            expect(own.length).toBeLessThanOrEqual(waitingPerAccountMax);
          }
        }
        expect(queue.length).toBe([...queue].length);
      }),
    );
  });
});

describe('the turns of the tiers', () => {
  const backlog = (counts: Record<Tier, number>, units: (i: number) => number = () => 1) =>
    tiers.flatMap((tier) =>
      Array.from({ length: counts[tier] }, (_, i) => entry(`${tier}${String(i)}`, { tier, units: units(i) })),
    );
  const unitsOf = (served: readonly Entry[], tier: Tier) =>
    served.filter((one) => one.tier === tier).reduce((sum, { units }) => sum + units, 0);

  it('are 70 to 30 while both wait', () => {
    const { queue } = queueOf(backlog({ established: 1000, new: 1000 }));
    expect(unitsOf(serve(queue, 1000), 'established')).toBe(700);
  });

  it('are 70 to 30 in units, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 10 }), (sizes) => {
        const { queue } = queueOf(backlog({ established: 400, new: 400 }, (i) => sizes[i % sizes.length]!));
        const served = serve(queue, 400);
        const established = unitsOf(served, 'established') / 0.7;
        const young = unitsOf(served, 'new') / 0.3;
        expect(Math.abs(established - young)).toBeLessThanOrEqual(8 / 0.3);
      }),
      { numRuns: 30 },
    );
  });

  it('pass to the other tier when one has nobody waiting', () => {
    const { queue } = queueOf(backlog({ established: 0, new: 5 }));
    expect(serve(queue)).toHaveLength(5);
  });

  it('give a tier that slept no credit', () => {
    const { queue } = queueOf(backlog({ established: 0, new: 1000 }));
    serve(queue, 500);
    for (const one of backlog({ established: 500, new: 0 })) queue.add(one, Infinity);
    expect(unitsOf(serve(queue, 100), 'established')).toBeLessThanOrEqual(71);
    const { queue: other } = queueOf(backlog({ established: 1000, new: 0 }));
    serve(other, 500);
    for (const one of backlog({ established: 0, new: 500 })) other.add(one, Infinity);
    expect(unitsOf(serve(other, 100), 'new')).toBeLessThanOrEqual(31);
  });

  it('forget what was when nobody waits', () => {
    const { queue } = queueOf(backlog({ established: 0, new: 500 }));
    serve(queue);
    for (const one of backlog({ established: 100, new: 100 })) queue.add(one, Infinity);
    expect(unitsOf(serve(queue, 100), 'new')).toBe(30);
  });

  it('can leave a tier out', () => {
    const { queue } = queueOf(backlog({ established: 2, new: 2 }));
    expect(serve(queue, Infinity, (tier) => tier === 'established')).toHaveLength(2);
    expect(queue.lengthOf('new')).toBe(2);
    expect(queue.peek(() => false)).toBeUndefined();
  });
});

describe('remove', () => {
  it('takes out exactly the entry, and says whether it was there', () => {
    const [a, b] = [entry('a'), entry('b')];
    const { queue } = queueOf([a, b]);
    expect(queue.remove(a)).toBe(true);
    expect(queue.remove(a)).toBe(false);
    expect(names(queue)).toEqual(['b']);
    expect(queue.peek()).toBe(b);
    expect(queue.length).toBe(1);
  });
});
