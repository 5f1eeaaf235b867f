// push: store files and folders as a snapshot.
import { hostname } from 'node:os';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PushProgress, PushResult } from '../../client/push/push-options.js';
import { startScan } from '../../client/push/scan.js';
import { findSources } from '../../client/push/walk.js';
import { checkName } from '../../client/snapshots.js';
import { requireScope } from '../../client/vault.js';
import { exitPartial } from '../exit-codes.js';
import type { Session } from '../session.js';
import { formatBytes, formatCount, formatSeconds, shellWord } from '../text.js';

export interface PushFlags {
  readonly name?: string;
  readonly tag?: readonly string[];
  readonly dedup: 'everyone' | 'vault';
  readonly private?: readonly string[];
  readonly reread?: boolean;
}

/** HOST/FOLDER, with what a name cannot hold taken out. */
function defaultName(paths: readonly string[]): string {
  const clean = (text: string) => text.replaceAll(/[@:\p{Cc}\s]+/gu, '-');
  const [first] = paths;
  const last = paths.length === 1 && first !== undefined ? basename(resolve(first)) : basename(process.cwd());
  return `${clean(hostname())}/${clean(last) || 'root'}`;
}

export async function runPush(session: Session, paths: readonly string[], flags: PushFlags): Promise<number> {
  const startedAt = performance.now();
  const name = checkName(flags.name ?? defaultName(paths));
  const { push } = await import('../../client/push/push.js');
  // Before the first push makes a vault: a mistyped path must make none.
  findSources(paths, process.cwd());
  const vault = await session.vault(true);
  requireScope(vault, 'push');
  const { server } = session.settings;
  const found = findSources(paths, process.cwd(), server.startsWith('file:') ? [fileURLToPath(server)] : []);
  const progress: PushProgress = { files: 0, bytes: 0 };
  const scan = session.output.showsProgress ? startScan(found) : undefined;
  session.output.startProgress('pushing', () => ({
    ...progress,
    filesTotal: scan?.totals?.files,
    bytesTotal: scan?.totals?.bytes,
  }));
  try {
    const options = {
      found,
      name,
      host: hostname(),
      tags: flags.tag ?? [],
      dedup: flags.dedup,
      privatePatterns: flags.private ?? [],
      reread: flags.reread ?? false,
      solver: session.solver,
      signal: session.signal,
      onProblem: ({ kind, path, message }: { kind: string; path: Uint8Array; message: string }) => {
        session.output.problem(kind, path, message);
      },
    };
    const result = await push(vault, options, progress);
    session.output.stopProgress();
    report(session, result, vault.api.bytesSent, (performance.now() - startedAt) / 1000);
    return result.problems > 0 ? exitPartial : 0;
  } finally {
    await scan?.stop();
  }
}

function report(session: Session, result: PushResult, bytesSent: number, seconds: number): void {
  const { snapshot, problems, ...counts } = result;
  const { name } = snapshot.record;
  const reference = `${name}@${String(snapshot.version)}`;
  const folder = `${name.split('/').at(-1) ?? name}-${String(snapshot.version)}`;
  const command = `${session.invocation()} pull ${shellWord(reference)} ${shellWord(`./${folder}`)}`;
  const { attempts: powAttempts, seconds: powSeconds } = session.solver;
  const lines = [
    `stored ${reference} (snapshot ${snapshot.id.slice(0, 12)}) in ${formatSeconds(seconds)}`,
    `  ${formatCount(counts.files, 'file')}, ${formatBytes(counts.bytes)}; ${formatCount(counts.newBlobs, 'new blob')}, ` +
      `${formatBytes(bytesSent)} sent, ${formatBytes(counts.bytesNotSent)} not sent`,
    ...(powAttempts > 0
      ? [`  proof of work: ${formatCount(powAttempts, 'attempt')}, ${formatSeconds(powSeconds)}`]
      : []),
    ...(problems > 0 ? [`  incomplete: ${formatCount(problems, 'problem')}, see above`] : []),
    `${session.settings.token === undefined ? 'bring it back' : 'who may read brings it back'}: ${command}`,
  ];
  session.output.summary(lines.join('\n'), {
    snapshot: snapshot.id,
    name,
    version: snapshot.version,
    ...counts,
    bytesSent,
    problems,
    powAttempts,
    powSeconds: Number(powSeconds.toFixed(3)),
    seconds: Number(seconds.toFixed(3)),
    pullCommand: command,
  });
}
