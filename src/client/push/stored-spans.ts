// Tells when everything that was handed over up to some moment has been dealt with, while more keeps coming.
import { ok } from 'node:assert/strict';

/** What began between two calls of `close`. */
export interface Span {
  underWay: number;
  onEnd: () => void;
}

export class StoredSpans {
  /** Oldest first; the last one is open. */
  readonly #spans: Span[] = [newSpan()];

  /** Counts one more thing into the open span; `end` takes it out of the span that is returned. */
  begin(): Span {
    const span = this.#open();
    span.underWay += 1;
    return span;
  }

  end(span: Span): void {
    span.underWay -= 1;
    this.#advance();
  }

  /** Closes the open span; resolves when all that began before this call has ended. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#open().onEnd = resolve;
      this.#spans.push(newSpan());
      this.#advance();
    });
  }

  #open(): Span {
    const span = this.#spans.at(-1);
    ok(span !== undefined, 'a span is open');
    return span;
  }

  #advance(): void {
    while (this.#spans.length > 1 && this.#spans[0]?.underWay === 0) this.#spans.shift()?.onEnd();
  }
}

function newSpan(): Span {
  return { underWay: 0, onEnd: () => undefined };
}
