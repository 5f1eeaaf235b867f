// Method and path of each endpoint, once. Each name stands in five places: its heading in docs/protocol.md,
// its message in messages.ts, its client function in daemon-api, its route file and its test.

export const endpoints = {
  health: { method: 'GET', path: '/v1/health' },
  createChallenge: { method: 'POST', path: '/v1/challenges' },
  createGrant: { method: 'POST', path: '/v1/grants' },
  startRegistration: { method: 'POST', path: '/v1/accounts/start' },
  createAccount: { method: 'POST', path: '/v1/accounts' },
  getAccount: { method: 'GET', path: '/v1/account' },
  changePassword: { method: 'POST', path: '/v1/account/password' },
  rotateKeys: { method: 'POST', path: '/v1/account/keys' },
  startRecovery: { method: 'POST', path: '/v1/recovery/start' },
  openRecovery: { method: 'POST', path: '/v1/recovery/open' },
  finishRecovery: { method: 'POST', path: '/v1/recovery/finish' },
  startLogin: { method: 'POST', path: '/v1/sessions/start' },
  createSession: { method: 'POST', path: '/v1/sessions' },
  endSession: { method: 'DELETE', path: '/v1/sessions/current' },
  listSessions: { method: 'GET', path: '/v1/sessions' },
  revokeSession: { method: 'DELETE', path: '/v1/sessions/:id' },
  queryBlobs: { method: 'POST', path: '/v1/blobs/query' },
  claimBlobs: { method: 'POST', path: '/v1/blobs/claim' },
  putBlobs: { method: 'POST', path: '/v1/blobs' },
  getBlob: { method: 'GET', path: '/v1/blobs/:id' },
  fetchBlobs: { method: 'POST', path: '/v1/blobs/fetch' },
  appendLog: { method: 'POST', path: '/v1/log' },
  readLog: { method: 'GET', path: '/v1/log' },
  getHead: { method: 'GET', path: '/v1/log/head' },
  takeTurn: { method: 'POST', path: '/v1/log/turn' },
  listTokens: { method: 'GET', path: '/v1/tokens' },
  getToken: { method: 'GET', path: '/v1/token' },
} as const;

export type EndpointName = keyof typeof endpoints;

/** Header of an upload request: the grant that pays for it. */
export const grantHeader = 'jaycloud-grant';

/** Header of a proof that comes again: the ticket of the refusal before. */
export const ticketHeader = 'jaycloud-ticket';

/** Media type of the framed blob streams of `putBlobs` and `fetchBlobs`. */
export const blobStreamType = 'application/vnd.jaycloud.blobs';
