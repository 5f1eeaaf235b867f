// Every number that both sides agree on, with its unit (docs/protocol.md, "Limits").

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

/** Bytes of a blob id: SHA-256 of the blob. */
export const blobIdBytes = 32;

/** A frame, header and padding included, is at most this long. */
export const frameBytesMax = 4 * mib;

/** Header of a frame: version, kind, codec, zero, raw length, stored length. */
export const frameHeaderBytes = 12;

/** Longest plaintext of one chunk or node: what fits a frame uncompressed. */
export const rawBytesMax = frameBytesMax - frameHeaderBytes;

/** A node blob lists at most this many children. */
export const childrenMax = 8192;

/** Longest blob: header, child count and children, frame, GCM tag. */
export const blobBytesMax = 4 + 4 + childrenMax * blobIdBytes + frameBytesMax + 16;

/** Ids in one existence query or one batch download. */
export const queryIdsMax = 4096;

/** Body of one upload request, frames included. */
export const uploadBytesMax = 64 * mib;

/** Blobs in one upload request. */
export const uploadBlobsMax = 16_384;

/** Any JSON body. */
export const jsonBytesMax = 1 * mib;

/** One log entry, without signature and body. */
export const logEntryBytesMax = 4 * kib;

/** Sealed body of one log entry. */
export const logBodyBytesMax = 64 * kib;

/** A turn to write to a vault log is held for so long. */
export const logTurnMs = 2 * 1000;

/** Who waits longer for a turn is told to ask again. */
export const logWaitMs = 30 * 1000;

/** Writers who wait for a turn at one vault. */
export const logWaitersMax = 1000;

/** Entries in one answer to a log read. */
export const logEntriesMax = 512;

/** Certificates that one entry of the log revokes. */
export const revokedAtOnceMax = 256;

/** A part of a name as the daemon sees it. */
export const namePartBytes = 16;

/** Parts of one name: a name has at most so many bytes. */
export const namePartsMax = 200;

/** An envelope of the keyring. */
export const envelopeBytesMax = 4 * kib;

/** The sealed bundle of a token. */
export const tokenBundleBytesMax = 16 * kib;

/** Tokens of one vault that nobody has revoked, expired ones included. */
export const tokensMax = 5000;

/** Tokens in one answer of `listTokens`. */
export const listedTokensMax = 10_000;
/**
 * Argon2id of a password, in KiB, passes and lanes. Less would be too cheap to guess, more would stop the machine of
 * whoever is told to compute it.
 */
export const stretchingMemoryKibMin = 64 * kib;
export const stretchingMemoryKibMax = 1024 * kib;
export const stretchingIterationsMin = 3;
export const stretchingIterationsMax = 16;
export const stretchingParallelismMin = 1;
export const stretchingParallelismMax = 16;

/** Sessions in one answer of `listSessions`. */
export const listedSessionsMax = 1000;

/** A possession challenge is good for this long. */
export const possessionTtlMs = 5 * 60 * 1000;

/** Blobs up to this length are hashed whole in a possession proof; longer ones by four slices. */
export const possessionWholeBytesMax = 4 * kib;
export const possessionSliceBytes = 64;
export const possessionSliceCount = 4;

/** What one standard grant allows; `ids` counts queried ids and covers their claims. */
export const grantBudgets = {
  upload: { bytes: 1 * gib, blobs: 16_384, ids: 0 },
  query: { bytes: 0, blobs: 0, ids: 16_384 },
} as const;

/** Standard grants that one challenge may ask for. */
export const grantUnitsMax = 16;

/** Ids that an account may ask about in one day without ever claiming or sending them: established, and new. */
export const unansweredIdsMax = { established: 262_144, new: 65_536 } as const;

/** A grant lives this long. */
export const grantTtlMs = 60 * 60 * 1000;

/** Account names: 1 to 64 characters of [a-z0-9._@+-], starting with a letter or digit. */
export const accountNamePattern = /^[a-z0-9][a-z0-9._@+-]{0,63}$/;
