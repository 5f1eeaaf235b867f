// One function per endpoint (docs/protocol.md), retries included.
import { setTimeout as sleep } from 'node:timers/promises';
import * as accountMessages from '../protocol/account-messages.js';
import { blobIdOf } from '../protocol/blob-id.js';
import { BlobStreamParser, blobStreamHeaderBytes, type StreamedBlob } from '../protocol/blob-stream.js';
import { concatBytes, equalBytes, toBase64, utf8 } from '../protocol/bytes.js';
import { blobStreamType, type EndpointName, endpoints, grantHeader, ticketHeader } from '../protocol/endpoints.js';
import { ProtocolError } from '../protocol/errors.js';
import { blobBytesMax } from '../protocol/limits.js';
import * as messages from '../protocol/messages.js';
import * as answers from './daemon-answer.js';
import type { Call, GivenBlobs, OnMoved } from './daemon-call.js';
import { integrityError } from './errors.js';
import type { Transport } from './transport.js';
import { uploadBody } from './upload-body.js';

const jsonAnswerBytesMax = 8 * 1024 * 1024;
const triesMax = 6;
const firstWaitMs = 250;
const waitMsMax = 8_000;
const retriedStatuses = new Set([429, 502, 503, 504]);
/** Refusals that no waiting for a few seconds undoes, or that say themselves how long to wait. */
const finalCodes: ReadonlySet<string> = new Set(['not-admitted', 'query-limit']);

/** The daemon as the client sees it. Every function throws ProtocolError for a refusal and ClientError `unreachable`. */
export class DaemonApi {
  readonly #transport: Transport;
  readonly #signal: AbortSignal | undefined;
  #sessionSecret: string | undefined;
  #clockDifferenceMs = 0;
  /** Bytes of blobs sent, framing not counted, repeats of a broken request not counted. */
  bytesSent = 0;
  /** Bytes of blobs received. */
  bytesReceived = 0;
  /** The shortest time from a question to its answer so far, in milliseconds. */
  #answeredInMs = Infinity;
  retries = 0;

  /** No round trip takes longer than this, in milliseconds: a busy daemon answers late, but its system takes connections at once. */
  get roundTripMs(): number {
    return Math.min(this.#answeredInMs, this.#transport.connectedInMs ?? Infinity);
  }

  constructor(transport: Transport, options: { sessionSecret?: string; signal?: AbortSignal } = {}) {
    this.#transport = transport;
    this.#sessionSecret = options.sessionSecret;
    this.#signal = options.signal;
  }

  get server(): string {
    return this.#transport.server;
  }

  /** The daemon's time as of its last answer, to a second, in milliseconds since 1970. */
  nowMs(): number {
    return Date.now() + this.#clockDifferenceMs;
  }

  useSession(secret: string | undefined): void {
    this.#sessionSecret = secret;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async health(): Promise<messages.HealthResponse> {
    return messages.parseHealthResponse(await this.#json('health'));
  }

  async createChallenge(request: messages.CreateChallengeRequest): Promise<messages.CreateChallengeResponse> {
    return messages.parseCreateChallengeResponse(await this.#json('createChallenge', { json: request }));
  }

  /** `ticket`: of the refusal before. */
  async createGrant(request: messages.CreateGrantRequest, ticket?: string): Promise<messages.CreateGrantResponse> {
    const call = { json: request, headers: ticketHeaders(ticket) };
    return messages.parseCreateGrantResponse(await this.#json('createGrant', call));
  }

  async startRegistration(request: messages.StartRegistrationRequest): Promise<messages.StartRegistrationResponse> {
    return messages.parseStartRegistrationResponse(await this.#json('startRegistration', { json: request }));
  }

  async createAccount(
    request: messages.CreateAccountRequest,
    ticket?: string,
  ): Promise<messages.CreateAccountResponse> {
    const call = { json: request, headers: ticketHeaders(ticket) };
    return messages.parseCreateAccountResponse(await this.#json('createAccount', call));
  }

  async startLogin(request: messages.StartLoginRequest, ticket?: string): Promise<messages.StartLoginResponse> {
    const call = { json: request, headers: ticketHeaders(ticket) };
    return messages.parseStartLoginResponse(await this.#json('startLogin', call));
  }

  async createSession(request: messages.CreateSessionRequest): Promise<messages.CreateSessionResponse> {
    return messages.parseCreateSessionResponse(await this.#json('createSession', { json: request }));
  }

  async endSession(): Promise<void> {
    await this.#call('endSession', {}, jsonAnswerBytesMax);
  }

  async listSessions(): Promise<accountMessages.ListSessionsResponse> {
    return accountMessages.parseListSessionsResponse(await this.#json('listSessions'));
  }

  /** `sessionId`: 32 hex digits. */
  async revokeSession(sessionId: string): Promise<void> {
    const path = endpoints.revokeSession.path.replace(':id', sessionId);
    await this.#call('revokeSession', { path }, jsonAnswerBytesMax);
  }

  async changePassword(
    request: accountMessages.ChangePasswordRequest,
  ): Promise<accountMessages.ChangePasswordResponse> {
    return accountMessages.parseChangePasswordResponse(await this.#json('changePassword', { json: request }));
  }

  async rotateKeys(request: accountMessages.RotateKeysRequest): Promise<accountMessages.RotateKeysResponse> {
    return accountMessages.parseRotateKeysResponse(await this.#json('rotateKeys', { json: request }));
  }

  async startRecovery(
    request: accountMessages.StartRecoveryRequest,
    ticket?: string,
  ): Promise<accountMessages.StartRecoveryResponse> {
    const call = { json: request, headers: ticketHeaders(ticket) };
    return accountMessages.parseStartRecoveryResponse(await this.#json('startRecovery', call));
  }

  async openRecovery(request: accountMessages.OpenRecoveryRequest): Promise<accountMessages.OpenRecoveryResponse> {
    return accountMessages.parseOpenRecoveryResponse(await this.#json('openRecovery', { json: request }));
  }

  async finishRecovery(
    request: accountMessages.FinishRecoveryRequest,
  ): Promise<accountMessages.FinishRecoveryResponse> {
    return accountMessages.parseFinishRecoveryResponse(await this.#json('finishRecovery', { json: request }));
  }

  async getAccount(): Promise<messages.GetAccountResponse> {
    return messages.parseGetAccountResponse(await this.#json('getAccount'));
  }

  /** At most `queryIdsMax` ids of 32 bytes; one state letter each in the answer. */
  async queryBlobs(grant: string, ids: readonly Uint8Array[]): Promise<messages.QueryBlobsResponse> {
    const request: messages.QueryBlobsRequest = { grant, ids: toBase64(concatBytes(...ids)) };
    const response = messages.parseQueryBlobsResponse(await this.#json('queryBlobs', { json: request }));
    return answers.checkedStates(response, ids.length);
  }

  async claimBlobs(request: messages.ClaimBlobsRequest, count: number): Promise<messages.ClaimBlobsResponse> {
    return answers.checkedStates(
      messages.parseClaimBlobsResponse(await this.#json('claimBlobs', { json: request })),
      count,
    );
  }

  /** Uploads records (`encodeBlobRecord`) in one request: when it resolves, the daemon has them on disk and the vault owns them. */
  async putBlobs(grant: string, records: readonly Uint8Array[], onMoved?: OnMoved): Promise<messages.PutBlobsResponse> {
    const headers = { 'content-type': blobStreamType, [grantHeader]: grant };
    const response = messages.parsePutBlobsResponse(
      await this.#json('putBlobs', { body: uploadBody(records), headers, onMoved }),
    );
    for (const record of records) this.bytesSent += record.length - blobStreamHeaderBytes;
    return answers.checkedStates(response, records.length);
  }

  async getBlob(id: Uint8Array): Promise<Uint8Array> {
    const path = endpoints.getBlob.path.replace(':id', blobIdOf(id));
    const blob = await this.#call('getBlob', { path }, blobBytesMax);
    this.bytesReceived += blob.length;
    return blob;
  }

  /**
   * Blobs in the order asked; undefined for one that the daemon does not give. Their bytes are not checked against the ids
   * here. With `memory` the records of the answer are put there, one after the other, and the blobs are views into it;
   * throws LongAnswerError where they do not fit.
   */
  async fetchBlobs(ids: readonly Uint8Array[], memory?: Uint8Array, onMoved?: OnMoved): Promise<GivenBlobs> {
    const request: messages.FetchBlobsRequest = { ids: toBase64(concatBytes(...ids)) };
    const bytesMax = ids.length * (blobStreamHeaderBytes + blobBytesMax);
    const call = memory === undefined ? { json: request } : { json: request, memory, onMoved };
    const body = await this.#call('fetchBlobs', call, bytesMax);
    const blobs = parseBlobs(body);
    if (blobs.length !== ids.length) throw integrityError('the daemon sent another number of blobs than asked');
    return blobs.map(({ id, blob }, at) => {
      const asked = ids[at];
      if (asked === undefined || !equalBytes(id, asked)) {
        throw integrityError('the daemon sent blobs in another order than asked');
      }
      this.bytesReceived += blob.length;
      return blob.length === 0 ? undefined : blob;
    });
  }

  async appendLog(request: messages.AppendLogRequest): Promise<messages.AppendLogResponse> {
    return messages.parseAppendLogResponse(await this.#json('appendLog', { json: request }));
  }

  /** Entries after `afterSeq`, oldest first, as many as the daemon gives at once. */
  async readLog(afterSeq: number): Promise<messages.ReadLogResponse> {
    const path = `${endpoints.readLog.path}?after=${String(afterSeq)}`;
    return messages.parseReadLogResponse(await this.#json('readLog', { path }));
  }

  async getHead(): Promise<messages.LogHead> {
    return messages.parseLogHead(await this.#json('getHead'));
  }

  /** Waits in line for a turn to write to the log. */
  async takeTurn(): Promise<messages.TakeTurnResponse> {
    return messages.parseTakeTurnResponse(await this.#json('takeTurn', { json: {} }));
  }

  async listTokens(): Promise<messages.ListTokensResponse> {
    return messages.parseListTokensResponse(await this.#json('listTokens'));
  }

  async getToken(): Promise<messages.GetTokenResponse> {
    return messages.parseGetTokenResponse(await this.#json('getToken'));
  }

  async #json(name: EndpointName, call: Call = {}): Promise<unknown> {
    return answers.parseJson(await this.#call(name, call, jsonAnswerBytesMax));
  }

  /** Sends until an answer comes that is not a passing fault; waits grow from 0.25 s to 8 s. */
  async #call(name: EndpointName, call: Call, answerBytesMax: number): Promise<Uint8Array> {
    const headers: Record<string, string> = { ...call.headers };
    let body = call.body ?? [];
    if (call.json !== undefined) {
      headers['content-type'] = 'application/json';
      body = [utf8(JSON.stringify(call.json))];
    }
    if (this.#sessionSecret !== undefined) headers['authorization'] = `Bearer ${this.#sessionSecret}`;
    for (let attempt = 1; ; attempt += 1) {
      this.#signal?.throwIfAborted();
      let wait = Math.min(waitMsMax, firstWaitMs * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
      try {
        const { method, path } = endpoints[name];
        const request = {
          method,
          path: call.path ?? path,
          headers,
          body,
          signal: this.#signal,
          onSent: call.body && call.onMoved,
        };
        const askedMs = performance.now();
        const response = await this.#transport.send(request);
        this.#answeredInMs = Math.min(this.#answeredInMs, performance.now() - askedMs);
        const dateMs = Date.parse(response.header('date') ?? '');
        if (!Number.isNaN(dateMs)) this.#clockDifferenceMs = dateMs - Date.now();
        const isDone = response.status < 300;
        const bytes =
          isDone && call.memory !== undefined
            ? await answers.readInto(response, call.memory, call.onMoved)
            : await answers.readAll(response, isDone ? answerBytesMax : jsonAnswerBytesMax);
        if (isDone) return bytes;
        const refused = answers.refusal(response.status, bytes);
        const isFinal = refused instanceof ProtocolError && finalCodes.has(refused.code);
        if (isFinal || !retriedStatuses.has(response.status) || attempt === triesMax) throw refused;
        const after = Number(response.header('retry-after') ?? '0');
        if (after > 0 && after <= 60) wait = after * 1000;
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (!answers.isConnectionFailure(error)) throw error;
        if (attempt === triesMax) throw answers.unreachable(this.#transport.server, error);
      }
      this.retries += 1;
      await sleep(wait, undefined, this.#signal === undefined ? {} : { signal: this.#signal });
    }
  }
}

function ticketHeaders(ticket: string | undefined): Record<string, string> {
  return ticket === undefined ? {} : { [ticketHeader]: ticket };
}

/** What breaks the framing was not sent by an honest daemon: it is no refusal of the request. */
function parseBlobs(body: Uint8Array): StreamedBlob[] {
  const parser = new BlobStreamParser();
  try {
    const blobs = parser.push(body);
    parser.end();
    return blobs;
  } catch (cause) {
    throw integrityError('the daemon sent blobs that cannot be told apart', cause);
  }
}
