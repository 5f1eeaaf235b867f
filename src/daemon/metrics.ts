// The same figures for Prometheus (docs/operating.md, "Watching"), on a listener of their own: they are the operator's.
import { createServer } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { tiers } from '../protocol/messages.js';
import { type AdmissionCounts, waitBoundsS } from './admission-counts.js';
import type { Figures } from './monitor.js';

export interface MetricsListener {
  readonly url: string;
  stop(): Promise<void>;
}

interface MetricsSource {
  readonly figures: () => Figures;
  readonly counts: AdmissionCounts;
}

/** Everything is read when it is asked for; nothing is kept twice. */
function createRegistry({ figures, counts }: MetricsSource): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'jaycloudd_' });
  const gauge = (name: string, help: string, labels: string[], read: (set: Gauge) => void): void => {
    new Gauge({
      name: `jaycloudd_${name}`,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        read(this);
      },
    });
  };
  const counter = (name: string, help: string, labels: string[], read: (add: Counter) => void): void => {
    new Counter({
      name: `jaycloudd_${name}`,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset();
        read(this);
      },
    });
  };
  gauge('price_factor', 'Congestion of the tier: what its base prices are multiplied with', ['tier'], (set) => {
    for (const tier of tiers) set.set({ tier }, figures().price[tier].factor);
  });
  gauge('price_upload_attempts', 'Mean attempts of one standard upload grant', ['tier'], (set) => {
    for (const tier of tiers) set.set({ tier }, figures().price[tier].uploadAttempts);
  });
  gauge('queue_length', 'Proofs that wait for admission', ['tier'], (set) => {
    for (const tier of tiers) set.set({ tier }, figures().price[tier].waiting);
  });
  gauge('capacity_grants_per_second', 'Standard grants that can be served, as measured', [], (set) => {
    set.set(figures().capacity.grantsPerSecond);
  });
  gauge('capacity_use', 'Part of the time in which paid work keeps the event loop or the disk busy', [], (set) => {
    set.set(figures().capacity.use);
  });
  counter('verification_seconds_total', 'Processor time spent on checking proofs', [], (add) => {
    add.inc(figures().verification.seconds);
  });
  counter('admitted_total', 'Proofs that were admitted', ['tier', 'purpose'], (add) => {
    for (const [key, count] of counts.admitted) {
      const [tier = '', purpose = ''] = key.split(' ');
      add.inc({ tier, purpose }, count);
    }
  });
  counter('turned_away_total', 'Proofs that were not admitted, by reason', ['reason'], (add) => {
    for (const [reason, count] of counts.turnedAway) add.inc({ reason }, count);
  });
  counter('refusals_total', 'Requests that were refused, by error code', ['code'], (add) => {
    for (const [code, count] of counts.refused) add.inc({ code }, count);
  });
  counter('admission_wait_seconds_bucket', 'Admitted proofs that waited no longer than le', ['le'], (add) => {
    let sum = 0;
    for (const [index, count] of counts.waits.entries()) {
      sum += count;
      add.inc({ le: String(waitBoundsS[index] ?? '+Inf') }, sum);
    }
  });
  return registry;
}

/** Serves `GET /metrics` and nothing else. Rejects where the port cannot be opened. */
export async function listenForMetrics(
  source: MetricsSource,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsListener> {
  const registry = createRegistry(source);
  const server = createServer((request, response) => {
    if (request.url !== '/metrics' || request.method !== 'GET') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  const address = server.address();
  const hostText = host.includes(':') ? `[${host}]` : host;
  const portText = typeof address === 'object' && address !== null ? String(address.port) : '';
  return {
    url: `http://${hostText}:${portText}/metrics`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
