// The section of docs/admission.md: what was done, what of it is artificial, what came out.
import { cpus } from 'node:os';
import { patienceS } from './honest.js';
import { bogusTable, hastyPerSecond, resultTable } from './show.js';

const aside =
  'In the run "at another server", the same generator floods a bare HTTP server, which answers at once, and the daemon is left alone. What honest pushes lose there they lose to the machine, which is shared.';

function describeHaste(result) {
  const sent = Math.round(hastyPerSecond(result)).toLocaleString('en-US');
  return `The flood "in haste" opens a connection for every request and has gone before the answer comes: ${sent} a second are sent, from loopback, where connections of a network have no limit. Elsewhere a network has 256 connections, and one that has gone counts until its request has had its turn. The same flood at the bare server tells how much of the delay is the two cores that all share.`;
}

export function describeBench({ seed, settleS, windowS, longWindowS, perSecond, isQuick, results, judged }) {
  const bogus = results.find(({ name }) => name === 'bogus flood, adaptive');
  const lines = [
    `Node ${process.versions.node} on ${cpus().length} cores of ${cpus()[0].model}, seed ${seed}${isQuick ? ', quick' : ''}.`,
    'Daemon, clients and the load generator run on one machine over loopback.',
    `Each run has a daemon of its own and is alone. Attackers begin; ${settleS} s later honest pushes do, for ${windowS} s, and for ${longWindowS} s where slow pushes are compared.`,
  ];
  const parts = [
    lines.join(' '),
    [
      `- **Honest**: the real \`jaycloud push\`, ${perSecond} a second at random times, from 8 established accounts. A tree has 20 files, of which 4 are new. A push that takes longer than ${patienceS} s has failed.`,
      '- **Attackers**: accounts of the new tier without limit. One machine makes 133 attempts a second. It asks for the price once a second, pays it, comes back when it is told to, for up to 120 s, and uploads one small blob with every grant. Without proof of work it asks 20 times a second.',
      '- **Bogus flood**: 5,000 requests a second are offered, on 800 connections that each send up to eight ahead, in equal parts: a wrong MAC; a true token with random answers; one false answer of 16; a proof that was spent before.',
    ].join('\n'),
    'What is artificial:',
    [
      '- The disk takes one pack after the other, 25 ms each: 40 a second. Syncs of folders and of the database are as fast as they are.',
      '- The bench made the master key of the daemon and makes tokens with it. Their proofs are solved once, with a native solver, and sent in every run: the load generator does not solve, it spends the attempts that its machines would make.',
      '- A sixth of the work stands behind each of these proofs, and their tokens are measured by a sixth. The bid, the price and the checks are the same.',
      '- With a fixed price any proof of the pool passes for one at the floor. An attacker with 2,000 unused grants buys no more.',
      '- All addresses are loopback, so that there is no surcharge of networks. Attackers keep 950 connections; the daemon takes 1,024, and honest users find room.',
      '- Honest clients and the load generator take their share of the same cores. The table says how much the generator takes.',
    ].join('\n'),
    resultTable(results),
    `Attack answers are of all requests of attackers. Figures are of the time from the first honest push to the end of the last. The machine is shared: "others" is what programs that are no part of this had. A run in which that was 0.2 cores or more is done again, up to twice, and the least disturbed one counts, whatever came out.`,
    judged,
    'How many requests of the bogus flood the daemon reads is its own doing: it answers worthless proofs late, so that connections are busy. The column of attack answers has what was reached of the 5,000.',
  ];
  if (bogus !== undefined) parts.push('What the bogus flood was answered:', bogusTable(bogus));
  const hasty = results.find(({ name }) => name.startsWith('bogus flood in haste'));
  if (results.some(({ isDummy }) => isDummy)) parts.push(aside);
  if (hasty !== undefined) parts.push(describeHaste(hasty));
  parts.push(
    '![Price factor of both tiers over time, under 10 and 100 attackers and the bogus flood](admission-flood.svg)',
  );
  return parts.join('\n\n');
}
