// What the benchmarks of admission share: seeded chance, quantiles, markdown tables, and sections of a page that a
// command writes (docs/admission.md).
import { readFileSync, writeFileSync } from 'node:fs';

/** Replaces what stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`; throws where a marker is missing. */
export function writeSection(docPath, name, markdown) {
  const page = readFileSync(docPath, 'utf8');
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`${docPath} has no markers ${begin} and ${end}`);
  const before = page.slice(0, from + begin.length);
  writeFileSync(docPath, `${before}\n\n${markdown.trim()}\n\n${page.slice(to)}`);
}

/** A number, with a short unit or none. */
const looksNumeric = (text) => /^[<>~]?\s*[-+]?[\d.,]+(?:\s?\S{1,4})?$/.test(text);

/** A markdown table. A column stands to the right when every filled cell of it is a number. */
export function table(headers, rows) {
  const cells = rows.map((row) => row.map((cell) => String(cell ?? '')));
  const isRight = headers.map((_, column) => {
    const filled = cells.map((row) => row[column] ?? '').filter((text) => text !== '' && text !== '-');
    return filled.length > 0 && filled.every(looksNumeric);
  });
  const widths = headers.map((header, column) =>
    Math.max(3, header.length, ...cells.map((row) => (row[column] ?? '').length)),
  );
  const line = (row) =>
    `| ${headers
      .map((_, i) => (isRight[i] ? (row[i] ?? '').padStart(widths[i]) : (row[i] ?? '').padEnd(widths[i])))
      .join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (isRight[i] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`;
  return [line(headers), rule, ...cells.map(line)].join('\n');
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The value below which `share` of the values lie, between neighbours in proportion. NaN for no values. */
export function quantile(values, share) {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

export function median(values) {
  return quantile(values, 0.5);
}

export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard deviation in parts of the mean. */
export function variation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2))) / middle;
}
