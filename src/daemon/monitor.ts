// The pulse of a serving daemon (docs/operating.md, "Watching"): once a second it measures, lets the controller decide, says
// in the log when a price has moved, and leaves its figures where `jaycloudd stats` finds them.
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { type Tier, tiers } from '../protocol/messages.js';
import { expectedAttempts } from '../protocol/proof-of-work.js';
import { priceOf } from './admission/prices.js';
import { verifyShare } from './admission/verify-budget.js';
import type { AdmissionCounts } from './admission-counts.js';
import type { DaemonApp } from './daemon-app.js';

const tickMs = 1000;
const statsEveryTicks = 2;
/** A price is worth a line when it has moved by this since the last one. */
const loggedMove = 2;

export interface TierFigures {
  /** Congestion, from 1. */
  readonly factor: number;
  /** Mean attempts of one standard upload grant, surcharges aside. */
  readonly uploadAttempts: number;
  readonly waiting: number;
}

export interface Figures {
  /** ISO 8601. */
  readonly at: string;
  readonly pid: number;
  readonly version: string;
  readonly pow: string;
  readonly price: Readonly<Record<Tier, TierFigures>>;
  readonly capacity: { readonly grantsPerSecond: number; readonly use: number; readonly loopDelayMs: number };
  readonly verification: { readonly seconds: number; readonly share: number; readonly shareMax: number };
  readonly admitted: Readonly<Record<string, number>>;
  readonly turnedAway: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
}

export const statsFile = (dataDir: string): string => join(dataDir, 'stats.json');

export interface MonitorOptions {
  readonly daemon: DaemonApp;
  readonly counts: AdmissionCounts;
  readonly log: Logger;
  readonly dataDir: string;
  readonly version: string;
  readonly pow: string;
}

export class Monitor {
  readonly #options: MonitorOptions;
  readonly #loopDelay: IntervalHistogram = monitorEventLoopDelay({ resolution: 20 });
  readonly #loggedFactors: Record<Tier, number> = { established: 1, new: 1 };
  #timer: NodeJS.Timeout | undefined;
  #tickedMs = performance.now();
  #ticks = 0;
  #loopDelayMs = 0;
  #verifySeconds = 0;
  #verifyShare = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loopDelay.enable();
    this.#timer = setInterval(() => {
      this.#tick();
    }, tickMs);
    this.#write();
  }

  /** Leaves no figures behind: they would be those of a daemon that is gone. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#loopDelay.disable();
    await this.#writing;
    await rm(statsFile(this.#options.dataDir), { force: true });
  }

  figures(): Figures {
    const { daemon, counts, version, pow } = this.#options;
    const { adaptive } = daemon;
    const ofTier = (tier: Tier): TierFigures => {
      const factor = adaptive?.prices[tier].factor ?? 1;
      const request = { purpose: 'upload', tier, units: 1, factor, surcharge: 1 } as const;
      const { puzzles, effort256 } = priceOf(request);
      const uploadAttempts = pow === 'off' ? 0 : expectedAttempts(puzzles, effort256);
      return {
        factor: rounded(factor),
        uploadAttempts: rounded(uploadAttempts),
        waiting: adaptive?.waitingOf(tier) ?? 0,
      };
    };
    return {
      at: new Date().toISOString(),
      pid: process.pid,
      version,
      pow,
      price: { established: ofTier('established'), new: ofTier('new') },
      capacity: {
        grantsPerSecond: rounded(adaptive?.capacity.perSecond ?? 0),
        use: rounded(adaptive?.capacity.use ?? 0),
        loopDelayMs: rounded(this.#loopDelayMs),
      },
      verification: {
        seconds: rounded(adaptive?.verifySeconds ?? 0),
        share: rounded(this.#verifyShare),
        shareMax: verifyShare,
      },
      admitted: Object.fromEntries(counts.admitted),
      turnedAway: Object.fromEntries(counts.turnedAway),
      refused: Object.fromEntries(counts.refused),
    };
  }

  #tick(): void {
    const { daemon } = this.#options;
    const nowMs = performance.now();
    const seconds = (nowMs - this.#tickedMs) / 1000;
    this.#tickedMs = nowMs;
    this.#loopDelayMs = this.#loopDelay.percentile(99) / 1e6;
    this.#loopDelay.reset();
    if (daemon.adaptive !== undefined) {
      daemon.adaptive.tick({ seconds, ...daemon.meter.take(), loopDelayMs: this.#loopDelayMs });
      this.#verifyShare = (daemon.adaptive.verifySeconds - this.#verifySeconds) / seconds;
      this.#verifySeconds = daemon.adaptive.verifySeconds;
      this.#logMoves();
    }
    this.#ticks += 1;
    if (this.#ticks % statsEveryTicks === 0) this.#write();
  }

  #logMoves(): void {
    const figures = this.figures();
    for (const tier of tiers) {
      const { factor } = figures.price[tier];
      const before = this.#loggedFactors[tier];
      const isMoved = factor >= before * loggedMove || factor <= before / loggedMove || (factor === 1 && before > 1);
      if (!isMoved) continue;
      this.#loggedFactors[tier] = factor;
      const { capacity } = figures;
      this.#options.log.info({ tier, before, ...figures.price[tier], ...capacity }, 'price');
    }
  }

  /** Whole or not at all; it is no data, so nothing waits for the disk. */
  #write(): void {
    const { dataDir, log } = this.#options;
    const text = `${JSON.stringify(this.figures())}\n`;
    this.#writing = this.#writing.then(async () => {
      const path = statsFile(dataDir);
      try {
        await writeFile(`${path}.tmp`, text, { mode: 0o600 });
        await rename(`${path}.tmp`, path);
      } catch (error) {
        log.warn({ err: error }, 'cannot write stats.json');
      }
    });
  }
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
