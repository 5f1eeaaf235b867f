// `jaycloudd user` and `jaycloudd stats` (docs/operating.md): they work on the data directory, beside a serving daemon or
// without one. A serving daemon sees the operator's word at the next request.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { sha256 } from '../protocol/blob-id.js';
import { toBase64 } from '../protocol/bytes.js';
import type { Tier } from '../protocol/messages.js';
import { parseDuration } from '../protocol/quantities.js';
import { type Database, openDatabase } from './db/connection.js';
import { countRows } from './db/counts.js';
import { insertInvite } from './db/invites.js';
import { findStandingByName, listStandings, type Standing, setDecision } from './db/standings.js';
import { type Figures, statsFile } from './monitor.js';
import { tierOf } from './tier.js';

/** What the operator can mend. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly isUsage: boolean;

  constructor(message: string, isUsage = false) {
    super(message);
    this.isUsage = isUsage;
  }
}

interface Flags {
  readonly data?: string;
  readonly json?: boolean;
  readonly ttl?: string;
}

export const invitePrefix = 'jci_';
const inviteTtlDefault = '7d';
const inviteTtlMaxMs = 365 * 86_400_000;

export function addOperatorCommands(program: Command): void {
  const add = (parent: Command, usage: string, description: string): Command =>
    parent
      .command(usage)
      .description(description)
      .option('--data <dir>', 'data directory (JAYCLOUDD_DATA)')
      .option('--json', 'one JSON object a line');
  const user = program.command('user').description('see accounts, and decide what admission costs them');
  add(user, 'list', 'all accounts and the tier that each is in').action((flags: Flags) =>
    withDatabase(flags, (database) => {
      const nowMs = Date.now();
      print(
        flags,
        listStandings(database.orm, nowMs).map((standing) => describe(standing, nowMs)),
      );
    }),
  );
  add(user, 'show <account>', 'one account').action((name: string, flags: Flags) =>
    withDatabase(flags, (database) => {
      const nowMs = Date.now();
      print(flags, [describe(standingOf(database, name, nowMs), nowMs)]);
    }),
  );
  const decide = (usage: string, description: string, decision: Tier | null): void => {
    add(user, usage, description).action((name: string, flags: Flags) =>
      withDatabase(flags, (database) => {
        const nowMs = Date.now();
        setDecision(database.orm, standingOf(database, name, nowMs).accountNo, decision);
        print(flags, [describe(standingOf(database, name, nowMs), nowMs)]);
      }),
    );
  };
  decide('promote <account>', 'make it established, whatever its age and record', 'established');
  decide('demote <account>', 'make it new, whatever its age and record', 'new');
  decide('reset <account>', 'let age and record decide again', null);
  add(user, 'invite', 'make an invitation: its account is established from the start')
    .option('--ttl <time>', `how long it is good, such as 12h or 30d (default ${inviteTtlDefault})`)
    .action((flags: Flags) =>
      withDatabase(flags, (database) => {
        invite(database, flags);
      }),
    );
  add(program, 'stats', 'what the data directory holds, and what a serving daemon charges').action((flags: Flags) =>
    withDatabase(flags, (database, dataDir) => {
      printStats(database, dataDir, flags);
    }),
  );
}

async function withDatabase(flags: Flags, work: (database: Database, dataDir: string) => void): Promise<void> {
  const dataDir = flags.data ?? process.env['JAYCLOUDD_DATA'] ?? '';
  if (dataDir === '') throw new OperatorError('give a data directory: --data DIR or JAYCLOUDD_DATA', true);
  const path = join(dataDir, 'jaycloud.db');
  if (!existsSync(path)) throw new OperatorError(`there is no data directory of jaycloudd at '${dataDir}'`);
  const database = await openDatabase(path);
  try {
    work(database, dataDir);
  } finally {
    database.close();
  }
}

function standingOf(database: Database, name: string, nowMs: number): Standing {
  const standing = findStandingByName(database.orm, name, nowMs);
  if (standing === undefined) throw new OperatorError(`there is no account '${name}'`);
  return standing;
}

function describe(standing: Standing, nowMs: number) {
  const { name, accountId, decision, createdAt, paidGrants, grantDays, unansweredIds } = standing;
  const tier = tierOf(standing, false, nowMs);
  const why = decision === null ? 'age and record' : 'operator';
  const created = new Date(createdAt).toISOString();
  return { account: name, tier, why, created, paidGrants, grantDays, unansweredIds, accountId };
}

function print(flags: Flags, rows: readonly ReturnType<typeof describe>[]): void {
  if (flags.json === true) {
    for (const row of rows) process.stdout.write(`${JSON.stringify({ type: 'user', ...row })}\n`);
    return;
  }
  const lines = [['ACCOUNT', 'TIER', 'WHY', 'SINCE', 'GRANTS', 'DAYS', 'UNANSWERED']];
  for (const { account, tier, why, created, paidGrants, grantDays, unansweredIds } of rows) {
    lines.push([account, tier, why, created.slice(0, 10), ...[paidGrants, grantDays, unansweredIds].map(String)]);
  }
  process.stdout.write(columns(lines));
}

function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((text, i) => text.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function invite(database: Database, flags: Flags): void {
  const ttl = flags.ttl ?? inviteTtlDefault;
  const ttlMs = parseDuration(ttl);
  if (ttlMs === undefined || ttlMs > inviteTtlMaxMs) {
    throw new OperatorError(`--ttl is a time from 1s to 365d, such as 12h, not '${ttl}'`, true);
  }
  const secret = randomBytes(16);
  const nowMs = Date.now();
  insertInvite(database.orm, sha256(secret), nowMs, nowMs + ttlMs);
  const text = `${invitePrefix}${toBase64(secret)}`;
  const expires = new Date(nowMs + ttlMs).toISOString();
  process.stdout.write(
    flags.json === true ? `${JSON.stringify({ type: 'invite', invite: text, expires })}\n` : `${text}\n`,
  );
  if (flags.json === true) return;
  process.stderr.write(
    `good for one registration until ${expires}:\n  JAYCLOUD_INVITE=${text} jaycloud register NAME\n`,
  );
}

/** What the serving daemon wrote last; undefined where none serves, or one that was killed left its file. */
function readFigures(dataDir: string): Figures | undefined {
  let figures: Figures | undefined;
  try {
    figures = JSON.parse(readFileSync(statsFile(dataDir), 'utf8')) as Figures;
    process.kill(figures.pid, 0);
    return figures;
  } catch (error) {
    // Somebody else's process is alive, and may not be touched.
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? figures : undefined;
  }
}

function printStats(database: Database, dataDir: string, flags: Flags): void {
  const counts = countRows(database.orm);
  const nowMs = Date.now();
  const tiers = { established: 0, new: 0 };
  for (const standing of listStandings(database.orm, nowMs)) tiers[tierOf(standing, false, nowMs)] += 1;
  const figures = readFigures(dataDir);
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ type: 'stats', ...counts, tiers, daemon: figures ?? null })}\n`);
    return;
  }
  const lines = [
    ['accounts', `${String(counts.accounts)} (${String(tiers.established)} established, ${String(tiers.new)} new)`],
    ['log entries', String(counts.logEntries)],
    ['blobs', `${String(counts.blobs)}, ${String(counts.blobBytes)} bytes in ${String(counts.packs)} packs`],
    ['owned', `${String(counts.ownedBytes)} bytes over all vaults`],
    ['sessions, tokens', `${String(counts.sessions)}, ${String(counts.tokens)}`],
    ...(figures === undefined ? [['daemon', 'none is serving this data directory']] : figureLines(figures)),
  ];
  process.stdout.write(columns(lines));
}

function figureLines({ pid, version, pow, price, capacity, verification, ...counts }: Figures): string[][] {
  const ofTier = (tier: Tier): string => {
    const { factor, uploadAttempts, waiting } = price[tier];
    return `${String(factor)} x the floor, ${String(uploadAttempts)} attempts an upload grant, ${String(waiting)} waiting`;
  };
  const list = (values: Readonly<Record<string, number>>): string =>
    Object.entries(values)
      .map(([name, count]) => `${name} ${String(count)}`)
      .join(', ') || 'none';
  return [
    ['daemon', `process ${String(pid)}, version ${version}, proof of work ${pow}`],
    ['price, established', ofTier('established')],
    ['price, new', ofTier('new')],
    ['capacity', `${String(capacity.grantsPerSecond)} grants/s, ${percent(capacity.use)} in use`],
    ['event loop', `${String(capacity.loopDelayMs)} ms late (p99)`],
    ['verification', `${percent(verification.share)} of a core, at most ${percent(verification.shareMax)}`],
    ['admitted', list(counts.admitted)],
    ['turned away', list(counts.turnedAway)],
    ['refused', list(counts.refused)],
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
