// The lines of a long list on their way to a stream, and waiting for whoever reads them: a stream keeps all that is not taken yet.
import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Half of what a pipe takes at once. */
const gatheredMax = 32 * 1024;

/** A write of its own for each line takes longer than making the line, so they are written together. */
export class LineWriter {
  readonly #stream: Writable;
  #gathered = '';

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  add(line: string): void {
    // Whoever makes the lines may be about to wait for a daemon, and the reader need not.
    if (this.#gathered === '')
      setImmediate(() => {
        this.flush();
      });
    this.#gathered += `${line}\n`;
    if (this.#gathered.length >= gatheredMax) this.flush();
  }

  /** Before anything else is written, so that the order stays. */
  flush(): void {
    if (this.#gathered === '') return;
    const text = this.#gathered;
    this.#gathered = '';
    this.#stream.write(text);
  }
}

/** A promise where the reader of a stream is behind; it rejects when the stream breaks and as the signal says. */
export function whenTaken(streams: readonly Writable[], signal: AbortSignal): Promise<unknown> | undefined {
  const full = streams.find((stream) => stream.writableNeedDrain);
  return full === undefined ? undefined : once(full, 'drain', { signal });
}
