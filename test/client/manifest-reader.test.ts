import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type FetchNodes, fetchBytesAim, readManifest } from '../../src/client/manifest-reader.js';
import { directory, fetchFrom, write } from '../helpers/manifests.js';

/** Does not compress, and is made of names that are short enough. */
function longPath(at: number): string {
  const noise = createHash('shake256', { outputLength: 2900 }).update(String(at)).digest('base64url');
  return `${String(at).padStart(6, '0')}/${noise.replaceAll(/.{250}/g, '$&/')}x`;
}

test('large nodes are asked for a few at a time', async () => {
  const written = write(Array.from({ length: 8000 }, (_, at) => directory(longPath(at))));
  const sizes: number[] = [];
  const fetchNodes: FetchNodes = async (refs) => {
    const blobs = await fetchFrom(written.blobs)(refs);
    sizes.push(blobs.reduce((sum, blob) => sum + (blob?.length ?? 0), 0));
    return blobs;
  };
  let items = 0;
  for await (const item of readManifest(written.root, fetchNodes)) if ('entry' in item) items += 1;
  expect(items).toBe(8000);
  expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThan(2 * fetchBytesAim);
  expect(Math.max(...sizes)).toBeLessThan(1.5 * fetchBytesAim);
});
