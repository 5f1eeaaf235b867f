// startRegistration: first half of OPAQUE registration. Nothing is stored, so nothing is paid yet.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { parseStartRegistrationRequest, type StartRegistrationResponse } from '../../protocol/messages.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

export function startRegistrationRoute(app: Hono, { opaque }: { opaque: OpaqueServer }): void {
  app.post(endpoints.startRegistration.path, async (c) => {
    const request = parseStartRegistrationRequest(await readJson(c, jsonBytesMax));
    const response: StartRegistrationResponse = {
      registrationResponse: opaque.register(request.account, request.registrationRequest),
    };
    return c.json(response);
  });
}
