// Every way in which bytes could stand in a stream or a file, and the search for them.

function base64Spellings(bytes: Buffer): string[] {
  // Where the bytes start within a group of three decides how they look; characters shared with neighbours are left out.
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor(((before + bytes.length) * 8) / 6);
    const inner = text.slice(from, to);
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Raw, hex in both cases, base64 and base64url at all three alignments. `bytes` should have 8 bytes or more. */
export function spellingsOf(bytes: Uint8Array): Buffer[] {
  const raw = Buffer.from(bytes);
  const hex = raw.toString('hex');
  return [raw, ...[hex, hex.toUpperCase(), ...base64Spellings(raw)].map((text) => Buffer.from(text, 'latin1'))];
}

/** The names of the `secrets` that stand in any of the haystacks in any spelling. */
export function findSecrets(
  secrets: ReadonlyMap<string, Uint8Array>,
  haystacks: Iterable<readonly [string, Buffer]>,
): string[] {
  const needles = [...secrets].flatMap(([name, bytes]) => spellingsOf(bytes).map((needle) => [name, needle] as const));
  const found = new Set<string>();
  for (const [place, haystack] of haystacks) {
    for (const [name, needle] of needles) if (haystack.includes(needle)) found.add(`${name} in ${place}`);
  }
  return [...found].sort();
}
