// claimBlobs (docs/protocol.md): a vault that proves to have a blob becomes an owner without sending it.
import type { Hono } from 'hono';
import { concatBytes, fromBase64, fromHex } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { blobIdBytes, jsonBytesMax, queryIdsMax } from '../../protocol/limits.js';
import { type ClaimBlobsResponse, parseClaimBlobsRequest } from '../../protocol/messages.js';
import { possessionProofBytes } from '../../protocol/possession.js';
import { type Authorize, ownerOf } from '../authorize.js';
import { findSoundBlobs, findUnownedChildren } from '../db/blobs.js';
import type { Database, Queries } from '../db/connection.js';
import { addOwnerships, type Owner } from '../db/ownerships.js';
import type { GroupCommit } from '../group-commit.js';
import type { Guessing } from '../guessing.js';
import type { PackReader } from '../packs/pack-reader.js';
import { type Claim, checkProofs } from '../possession-check.js';
import { checkPossessionNonce } from '../possession-nonce.js';
import { readJson } from '../request-body.js';
import type { WorkMeter } from '../work-meter.js';

const claimBytes = blobIdBytes + possessionProofBytes;

export interface ClaimBlobsNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly groups: GroupCommit;
  readonly packReader: PackReader;
  readonly guessing: Guessing;
  readonly meter: WorkMeter;
  readonly possessionKey: Uint8Array;
  readonly quotaBytes: number | null;
  readonly now: () => number;
}

export function claimBlobsRoute(app: Hono, needs: ClaimBlobsNeeds): void {
  const { authorize, database, groups, packReader, guessing, meter, possessionKey, quotaBytes, now } = needs;
  app.post(endpoints.claimBlobs.path, async (c) => {
    const caller = authorize(c, 'push');
    const request = parseClaimBlobsRequest(await readJson(c, jsonBytesMax));
    const claims = splitClaims(fromBase64(request.proofs));
    const nonce = fromBase64(request.nonce);
    const vaultId = fromHex(caller.vaultId);
    checkPossessionNonce(possessionKey, vaultId, nonce, now());
    const proven = await meter.onDisk(() =>
      checkProofs({ database, packReader, vaultNo: caller.ownerNo, vaultId, nonce, claims }),
    );
    const owner = ownerOf(caller, quotaBytes);
    const states = await groups.run((tx) => {
      const recorded = recordClaims(tx, { owner, claims, proven, guessing, nowMs: now() });
      guessing.answered(tx, caller.accountNo, recorded.newlyOwned);
      return recorded.states;
    });
    return c.json({ states } satisfies ClaimBlobsResponse);
  });
}

function splitClaims(run: Uint8Array): Claim[] {
  if (run.length % claimBytes !== 0) throw new ProtocolError('malformed', 'proofs are runs of 48 bytes');
  const count = run.length / claimBytes;
  if (count > queryIdsMax) throw new ProtocolError('too-large', `at most ${String(queryIdsMax)} proofs`);
  return Array.from({ length: count }, (_, i) => {
    const claim = run.subarray(i * claimBytes, (i + 1) * claimBytes);
    return { id: claim.subarray(0, blobIdBytes), proof: claim.subarray(blobIdBytes) };
  });
}

interface ProvenClaims {
  readonly owner: Owner;
  readonly claims: readonly Claim[];
  /** Numbers of the blobs whose proof was right. */
  readonly proven: ReadonlySet<number>;
  readonly guessing: Guessing;
  readonly nowMs: number;
}

interface RecordedClaims {
  readonly states: string;
  readonly newlyOwned: number;
}

/** Everything is looked up again: while the proofs were being checked a blob may have gone or turned out damaged. */
function recordClaims(tx: Queries, { owner, claims, proven, guessing, nowMs }: ProvenClaims): RecordedClaims {
  const { vaultNo } = owner;
  const letters = new Array<'o' | 'm'>(claims.length).fill('m');
  const blobs = findSoundBlobs(tx, vaultNo, concatBytes(...claims.map(({ id }) => id)));
  const foreign = blobs.filter((blob) => blob.renewedAt === null && proven.has(blob.blobNo));
  const hidden = guessing.hidden(tx, () =>
    foreign.map(({ blobNo, index }) => ({ blobNo, id: claims[index]?.id ?? new Uint8Array() })),
  );
  const claimable = foreign.filter((blob) => !hidden.has(blob.blobNo));
  const unowned = new Map<number, number[]>();
  for (const { parentNo, childNo } of findUnownedChildren(
    tx,
    vaultNo,
    claimable.map((blob) => blob.blobNo),
  )) {
    const children = unowned.get(parentNo);
    if (children === undefined) unowned.set(parentNo, [childNo]);
    else children.push(childNo);
  }
  const owned = new Set<number>();
  for (const blob of blobs) {
    if (blob.renewedAt === null && (!proven.has(blob.blobNo) || hidden.has(blob.blobNo))) continue;
    // A node needs its children owned already, or won earlier in this very batch.
    if (unowned.get(blob.blobNo)?.every((childNo) => owned.has(childNo)) === false) continue;
    owned.add(blob.blobNo);
    letters[blob.index] = 'o';
  }
  const newlyOwned = addOwnerships(tx, owner, [...owned], nowMs);
  return { states: letters.join(''), newlyOwned };
}
