// health (docs/protocol.md): the one answer that needs no session.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import type { HealthResponse } from '../../protocol/messages.js';

export function healthRoute(app: Hono, version: string): void {
  app.get(endpoints.health.path, (c) => c.json({ status: 'ok', protocol: 1, version } satisfies HealthResponse));
}
