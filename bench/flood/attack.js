// The load generator, a process of its own: `node attack.js CONFIG.json`. It attacks from its first moment, says what it
// did on a line of JSON for each line on standard input, and ends with its parent.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { bogusFlood } from './attack-bogus.js';
import { freeFlood, paidFlood } from './attack-grants.js';
import { attackAccounts } from './pool.js';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const floods = { paid: paidFlood, free: freeFlood, bogus: bogusFlood };
const accounts = attackAccounts(config.seed, config.accounts).map((account) => ({
  ...account,
  secretText: account.secret.toString('base64url'),
}));
const counts = {};
const count = (name, by = 1) => {
  counts[name] = (counts[name] ?? 0) + by;
};
const startedAt = performance.now();
const cpuAt = process.cpuUsage();
floods[config.flood]({ ...config, accounts, count });

createInterface({ input: process.stdin })
  .on('line', () => {
    const { user, system } = process.cpuUsage(cpuAt);
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, counts }));
  })
  .on('close', () => process.exit(0));
