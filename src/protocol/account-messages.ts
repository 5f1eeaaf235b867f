// Messages of an account that is there already: its sessions, another password, the recovery key (docs/protocol.md). They
// are made of the parts of messages.ts, which has all others.

import { logEntryBytesMax } from './limits.js';
import { accountName, base64Of, base64Text, entityId, opaqueText, parser, time } from './message-fields.js';
import { accountKeys, createSessionResponse, envelope, keyStretching, proof, session } from './messages.js';
import * as z from './packages/zod.js';

const listSessionsResponse = z.object({
  sessions: z.array(
    z.object({
      id: entityId,
      label: z.string(),
      createdAt: time,
      lastUsedAt: time,
      expiresAt: time,
      isCurrent: z.boolean(),
    }),
  ),
});
export type ListSessionsResponse = z.infer<typeof listSessionsResponse>;

/** What takes the place of the old password. */
const newPassword = { registrationRecord: opaqueText, keyStretching, passwordEnvelope: envelope };

const changePasswordRequest = z.strictObject({ loginId: entityId, finishLoginRequest: opaqueText, ...newPassword });
export type ChangePasswordRequest = z.infer<typeof changePasswordRequest>;

const changePasswordResponse = z.object({ endedSessions: z.int().check(z.minimum(0)) });
export type ChangePasswordResponse = z.infer<typeof changePasswordResponse>;

/** `keys` is the whole keyring anew, `entry` the rotation that the log gets. */
const rotateKeysRequest = z.strictObject({
  loginId: entityId,
  finishLoginRequest: opaqueText,
  registrationRecord: opaqueText,
  keyStretching,
  keys: accountKeys,
  entry: base64Text(logEntryBytesMax),
  signature: base64Of(64),
  turn: z.optional(entityId),
});
export type RotateKeysRequest = z.infer<typeof rotateKeysRequest>;

const rotateKeysResponse = z.object({
  receivedAt: time,
  endedSessions: z.int().check(z.minimum(0)),
  endedTokens: z.int().check(z.minimum(0)),
});
export type RotateKeysResponse = z.infer<typeof rotateKeysResponse>;

const startRecoveryRequest = z.strictObject({ account: accountName, proof });
export type StartRecoveryRequest = z.infer<typeof startRecoveryRequest>;

const startRecoveryResponse = z.object({ recoveryId: entityId, challenge: base64Of(32) });
export type StartRecoveryResponse = z.infer<typeof startRecoveryResponse>;

const openRecoveryRequest = z.strictObject({ recoveryId: entityId, signature: base64Of(64) });
export type OpenRecoveryRequest = z.infer<typeof openRecoveryRequest>;

const openRecoveryResponse = z.omit(createSessionResponse, { session: true });
export type OpenRecoveryResponse = z.infer<typeof openRecoveryResponse>;

const finishRecoveryRequest = z.strictObject({
  recoveryId: entityId,
  signature: base64Of(64),
  ...newPassword,
  label: z.string().check(z.maxLength(200)),
});
export type FinishRecoveryRequest = z.infer<typeof finishRecoveryRequest>;

const finishRecoveryResponse = z.object({ session, endedSessions: z.int().check(z.minimum(0)) });
export type FinishRecoveryResponse = z.infer<typeof finishRecoveryResponse>;

export const parseListSessionsResponse = parser(listSessionsResponse);
export const parseChangePasswordRequest = parser(changePasswordRequest);
export const parseChangePasswordResponse = parser(changePasswordResponse);
export const parseRotateKeysRequest = parser(rotateKeysRequest);
export const parseRotateKeysResponse = parser(rotateKeysResponse);
export const parseStartRecoveryRequest = parser(startRecoveryRequest);
export const parseStartRecoveryResponse = parser(startRecoveryResponse);
export const parseOpenRecoveryRequest = parser(openRecoveryRequest);
export const parseOpenRecoveryResponse = parser(openRecoveryResponse);
export const parseFinishRecoveryRequest = parser(finishRecoveryRequest);
export const parseFinishRecoveryResponse = parser(finishRecoveryResponse);
