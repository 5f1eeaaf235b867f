// The signed "not before" of a refusal (docs/proof-of-work.md, "Refusals"): who comes back shows it in a header, so that one
// who comes too early is turned away before a body is read.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { fromBase64, toBase64, utf8 } from '../../protocol/bytes.js';
import { ProtocolError, type Retry } from '../../protocol/errors.js';
import type { ChallengeNumber } from './replay-store.js';

const bodyBytes = 16;
const macBytes = 16;
const ticketPattern = /^[A-Za-z0-9_-]{43}$/;

export interface Tickets {
  issue(number: ChallengeNumber, notBeforeS: number): Retry;
  /** Throws ProtocolError `not-admitted` before its time, with the same ticket, and `malformed` for what is no ticket of ours. */
  check(ticket: string, nowS: number): void;
}

export function createTickets(masterKey: Uint8Array): Tickets {
  const key = new Uint8Array(hkdfSync('sha256', masterKey, '', 'jaycloud/1/pow-ticket', 32));
  const macOf = (body: Uint8Array): Uint8Array =>
    createHmac('sha256', key).update(utf8('jaycloud/1/pow-ticket\0')).update(body).digest().subarray(0, macBytes);
  return {
    issue: ({ replica, epoch, seq }, notBeforeS) => {
      const body = new Uint8Array(bodyBytes);
      const view = new DataView(body.buffer);
      view.setUint32(0, notBeforeS);
      view.setUint16(4, replica);
      view.setUint32(6, epoch);
      view.setUint16(10, Math.floor(seq / 2 ** 32));
      view.setUint32(12, seq % 2 ** 32);
      return retryOf(toBase64(Buffer.concat([body, macOf(body)])), notBeforeS);
    },
    check: (ticket, nowS) => {
      const bytes = ticketPattern.test(ticket) ? fromBase64(ticket) : new Uint8Array();
      const body = bytes.subarray(0, bodyBytes);
      if (bytes.length !== bodyBytes + macBytes || !timingSafeEqual(bytes.subarray(bodyBytes), macOf(body))) {
        throw new ProtocolError('malformed', 'the ticket is not ours');
      }
      const notBeforeS = new DataView(body.buffer, body.byteOffset).getUint32(0);
      if (nowS < notBeforeS) throw notAdmitted('too early', retryOf(ticket, notBeforeS));
    },
  };
}

function retryOf(ticket: string, notBeforeS: number): Retry {
  return { ticket, notBefore: new Date(notBeforeS * 1000).toISOString() };
}

export function notAdmitted(message: string, retry: Retry): ProtocolError {
  return new ProtocolError('not-admitted', message, { retry });
}
