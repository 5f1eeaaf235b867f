// jaycloud (docs/cli.md): answers what needs no command line at once, and loads it for everything else.
import { readVersion } from './version.js';

/** Runs one command line, without program and script; resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  // Scripts ask for it to see whether the program is there. With anything beside it, it is one flag among others.
  if (argv.length === 1 && argv[0] === '--version') {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const { runCommandLine } = await import('./command-line.js');
  return runCommandLine(argv);
}
