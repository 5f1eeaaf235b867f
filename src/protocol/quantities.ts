// Sizes and durations as people write them, for both command lines.

const sizeUnits: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `500M`, `10G`, `10GiB`, plain bytes: binary units, because disks are cut by them. Undefined for anything else. */
export function parseByteSize(text: string): number | undefined {
  const match = /^([0-9]{1,15})([KMGT]?)(?:i?B)?$/.exec(text);
  const bytes = Number(match?.[1]) * (sizeUnits[match?.[2] ?? ''] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const secondMs = 1000;
const durationUnits: Readonly<Record<string, number>> = {
  s: secondMs,
  m: 60 * secondMs,
  h: 3600 * secondMs,
  d: 86_400 * secondMs,
  w: 7 * 86_400 * secondMs,
  y: 365.25 * 86_400 * secondMs,
};

/** `45s`, `30m`, `12h`, `90d`, `2w`, `1y` in milliseconds. Undefined for anything else, and for nothing. */
export function parseDuration(text: string): number | undefined {
  const match = /^([1-9][0-9]{0,8})([smhdwy])$/.exec(text);
  const ms = Number(match?.[1]) * (durationUnits[match?.[2] ?? ''] ?? Number.NaN);
  return Number.isSafeInteger(ms) ? ms : undefined;
}
