// What the user sees, and the rules for it: results go to standard output, everything else to standard error; with --json
// standard output holds one JSON object a line and nothing else; --quiet leaves results and faults. Messages are lower
// case, without a full stop. The only importer of ora and chalk.

import type { Writable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { Ora } from 'ora';
import type { Explanation } from './exit-codes.js';
import { LineWriter, whenTaken } from './line-writer.js';
import { Chalk, type ChalkInstance, supportsColorStderr } from './packages/chalk.js';
import { formatBytes, formatCount, formatSeconds, jsonPath, printablePath } from './text.js';

export interface OutputMode {
  readonly json: boolean;
  readonly quiet: boolean;
}

/** What a progress line is made of; totals are undefined until they are known. */
export interface ProgressState {
  readonly files: number;
  readonly bytes: number;
  readonly filesTotal: number | undefined;
  readonly bytesTotal: number | undefined;
}

const jsonProgressMs = 1000;
const lineProgressMs = 100;

export class Output {
  readonly mode: OutputMode;
  readonly #color: ChalkInstance;
  readonly #stdout: Writable;
  readonly #stderr: Writable;
  readonly #lines: LineWriter;
  #spinner: Ora | undefined;
  #isShowing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(mode: OutputMode, stdout: Writable = process.stdout, stderr: Writable = process.stderr) {
    this.mode = mode;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#lines = new LineWriter(stdout);
    this.#color = new Chalk({ level: supportsColorStderr === false ? 0 : supportsColorStderr.level });
  }

  /** One line of the result; `json` instead of `text` under --json. */
  result(text: string, json: Readonly<Record<string, unknown>>): void {
    this.#pauseSpinner(() => {
      this.#stdout.write(this.mode.json ? `${JSON.stringify(json)}\n` : `${text}\n`);
    });
  }

  /** One of a great many lines of the result: whoever makes them waits for `taken`. */
  listed(text: () => string, json: () => Readonly<Record<string, unknown>>): void {
    this.#lines.add(this.mode.json ? JSON.stringify(json()) : text());
  }

  /** A promise where lines lie in memory because their reader is behind. */
  taken(signal: AbortSignal): Promise<unknown> | undefined {
    return whenTaken([this.#stdout, this.#stderr], signal);
  }

  /** The end of a command that is about its effect: under --quiet the exit code says it all. */
  summary(text: string, json: Readonly<Record<string, unknown>>): void {
    if (this.mode.json) this.result('', { type: 'summary', ...json });
    else if (!this.mode.quiet && text !== '') this.result(text, {});
  }

  /** Something worth knowing on the way. */
  note(line: string): void {
    if (!this.mode.quiet) this.#error(`jaycloud: ${line}\n`);
  }

  /** One file or path that went wrong, while the rest goes on. */
  problem(kind: string, path: Uint8Array, message: string): void {
    if (this.mode.json) this.result('', { type: 'problem', kind, ...jsonPath(path), message });
    else if (kind !== 'skipped')
      this.#error(`jaycloud: ${this.#color.yellow('warning:')} ${printablePath(path)}: ${message}\n`);
    else this.note(`${printablePath(path)}: ${message}`);
  }

  failure({ code, exit, message, hint }: Explanation): void {
    this.stopProgress();
    if (this.mode.json) {
      this.result('', { type: 'error', code, exit, message, ...(hint === undefined ? {} : { hint }) });
      return;
    }
    this.#error(`jaycloud: ${this.#color.red('error:')} ${message}\n`);
    if (hint !== undefined) this.#error(`jaycloud: ${this.#color.cyan('hint:')} ${hint}\n`);
  }

  /** A terminal that a job makes (`ssh -tt`, `script`) may have no width, and ora would clear lines without end. */
  get showsProgress(): boolean {
    return !this.mode.quiet && (this.mode.json || (process.stderr.isTTY && process.stderr.columns > 0));
  }

  /** Shows the state until `stopProgress`: a live line on a terminal, one line a second under --json, nothing otherwise. */
  startProgress(verb: string, read: () => ProgressState): void {
    if (!this.showsProgress) return;
    this.#isShowing = true;
    const startedAt = performance.now();
    if (this.mode.json) {
      let shown: ProgressState | undefined;
      this.#timer = setInterval(() => {
        const state = { ...read() };
        if (shown !== undefined && isDeepStrictEqual(state, shown)) return;
        shown = state;
        const { rate, secondsLeft } = pace(state, performance.now() - startedAt);
        this.result('', { type: 'progress', ...state, bytesPerSecond: Math.round(rate), secondsLeft });
      }, jsonProgressMs);
    } else {
      void this.#startSpinner(verb);
      this.#timer = setInterval(() => {
        if (this.#spinner !== undefined) this.#spinner.text = progressLine(verb, read(), performance.now() - startedAt);
      }, lineProgressMs);
    }
    this.#timer.unref();
  }

  /** The package is loaded when the work has begun: it takes longer than many commands. */
  async #startSpinner(text: string): Promise<void> {
    const { default: ora } = await import('ora');
    if (this.#isShowing) this.#spinner = ora({ text, stream: process.stderr, discardStdin: false }).start();
  }

  stopProgress(): void {
    this.#isShowing = false;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#spinner?.stop();
    this.#spinner = undefined;
  }

  /** Written whole and by itself: a secret that is shown once. */
  secret(lines: readonly string[]): void {
    this.#error(`${lines.join('\n')}\n`);
  }

  #error(text: string): void {
    this.#pauseSpinner(() => {
      this.#stderr.write(text);
    });
  }

  /** A line that is written under a live line would be overwritten by it. */
  #pauseSpinner(write: () => void): void {
    this.#spinner?.clear();
    this.#lines.flush();
    write();
  }
}

function pace(state: ProgressState, elapsedMs: number): { rate: number; secondsLeft: number | undefined } {
  const rate = elapsedMs > 0 ? (state.bytes / elapsedMs) * 1000 : 0;
  if (state.bytesTotal === undefined || rate === 0) return { rate, secondsLeft: undefined };
  return { rate, secondsLeft: Math.max(0, Math.round((state.bytesTotal - state.bytes) / rate)) };
}

function progressLine(verb: string, state: ProgressState, elapsedMs: number): string {
  const { rate, secondsLeft } = pace(state, elapsedMs);
  const total = state.bytesTotal === undefined ? '' : ` of ${formatBytes(state.bytesTotal)}`;
  const left = secondsLeft === undefined ? '' : `, ${formatSeconds(secondsLeft)} left`;
  return `${verb} ${formatCount(state.files, 'file')}, ${formatBytes(state.bytes)}${total}, ${formatBytes(rate)}/s${left}`;
}
