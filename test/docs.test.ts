// The documents and the code say the same: what the code has stands in the documents, and what they name exists.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitPartial, explain } from '../src/cli/exit-codes.js';
import { ClientError, type ClientErrorCode } from '../src/client/errors.js';
import { sessionTtlDefaultMs } from '../src/daemon/new-session.js';
import { endpoints } from '../src/protocol/endpoints.js';
import { errorCodes, errorStatuses, ProtocolError } from '../src/protocol/errors.js';
import * as limits from '../src/protocol/limits.js';
import { jsonLines, Machine, removeTempDirs, runProgram } from './helpers/programs.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

function filesBelow(folder: string, extension: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name));
}

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...filesBelow('docs', '.md'),
  ...filesBelow('test', '.md'),
];
const sources = filesBelow('src', '.ts');
const protocol = read('docs/protocol.md');
const cli = read('docs/cli.md');
const operating = read('docs/operating.md');

/** The cells of every row whose line begins with this text. */
function rowsOf(page: string, beginning: string): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith(beginning))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
}

/** The part of a page below a heading, up to the next one of the same or a higher level. */
function sectionOf(page: string, heading: string): string {
  const level = heading.indexOf(' ');
  const [, after] = page.split(`\n${heading}\n`);
  if (after === undefined) throw new Error(`there is no '${heading}'`);
  return after.split(new RegExp(`\n#{1,${String(level)}} `))[0] ?? '';
}

/** What is written as code, blocks included. */
function codeOf(page: string): string {
  return [...page.matchAll(/```[^]*?```|`[^`\n]+`/g)].map(([text]) => text).join('\n');
}

interface Program {
  readonly file: string;
  readonly page: string;
  /** By name, `ls` or `session list`. */
  readonly commands: Map<string, { readonly aliases: readonly string[]; readonly flags: ReadonlySet<string> }>;
  readonly flags: Set<string>;
}

const client: Program = { file: 'bin/jaycloud.js', page: cli, commands: new Map(), flags: new Set() };
const daemon: Program = { file: 'bin/jaycloudd.js', page: operating, commands: new Map(), flags: new Set() };

async function helpOf(program: Program, ...command: string[]): Promise<string> {
  const { exit, stdout } = await runProgram(join(root, program.file), [...command, '--help']);
  if (exit !== 0) throw new Error(`${program.file} ${command.join(' ')} --help ended with ${String(exit)}`);
  return stdout;
}

function flagsOf(help: string): string[] {
  return [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag ?? '');
}

async function readProgram(program: Program): Promise<void> {
  const help = await helpOf(program);
  for (const flag of flagsOf(help)) program.flags.add(flag);
  await readCommands(program, [], help);
}

/** A command that has others below it is no command of its own. */
async function readCommands(program: Program, parents: readonly string[], help: string): Promise<void> {
  const list = help.split('\nCommands:\n')[1] ?? '';
  const names = [...list.matchAll(/^ {2}([a-z|-]+)(?= )/gm)].map(([, name]) => (name ?? '').split('|'));
  await Promise.all(
    names.map(async ([name = '', ...aliases]) => {
      if (name === 'help') return;
      const words = [...parents, name];
      const ownHelp = await helpOf(program, ...words);
      if (ownHelp.includes('\nCommands:\n')) await readCommands(program, words, ownHelp);
      else program.commands.set(words.join(' '), { aliases, flags: new Set(flagsOf(ownHelp)) });
    }),
  );
}

beforeAll(async () => {
  await Promise.all([readProgram(client), readProgram(daemon)]);
});

afterAll(removeTempDirs);

describe('docs/protocol.md', () => {
  test('lists every error code with its status, and no other', () => {
    const listed = rowsOf(sectionOf(protocol, '## Errors'), '| `').map(([, code, status]) => [code, status]);
    expect(listed).toEqual(errorCodes.map((code) => [`\`${code}\``, String(errorStatuses[code])]));
  });

  test.each(Object.entries(endpoints))(
    'has a section on %s that begins with method and path',
    (name, { method, path }) => {
      const section = sectionOf(protocol, `## ${name}`).trimStart();
      expect(section.startsWith(`\`${method} ${path.replace(':id', '{id}')}`)).toBe(true);
    },
  );

  test.each(Object.entries(limits))('gives the limit %s with its value', (name, value) => {
    if (value instanceof RegExp) {
      expect(protocol).toContain(`\`${value.source}\` (\`${name}\`)`);
    } else if (typeof value === 'number') {
      expect(quantity(limitCell(name))).toBe(value);
    } else {
      for (const [part, amount] of Object.entries<number | Record<string, number>>(value)) {
        const amounts = limitCell(`${name}.${part}`).split(', ').map(quantity);
        expect(amounts).toEqual(typeof amount === 'number' ? [amount] : Object.values(amount));
      }
    }
  });

  test('agrees with docs/proof-of-work.md on what a grant holds', () => {
    const rows = rowsOf(sectionOf(read('docs/proof-of-work.md'), '## Grants'), '| ');
    for (const [purpose, { bytes, blobs, ids }] of Object.entries(limits.grantBudgets)) {
      const row = rows.find(([, name]) => name === purpose) ?? [];
      expect(row.slice(2, 5).map(quantity)).toEqual([bytes, blobs, ids]);
    }
  });

  test('says how long a session lives', () => {
    expect(protocol).toContain(`ends ${String(sessionTtlDefaultMs / 86_400_000)} days after`);
  });
});

function limitCell(name: string): string {
  const row = rowsOf(sectionOf(protocol, '## Limits'), '| ').find(([, what]) => what?.includes(`\`${name}\``));
  if (row === undefined) throw new Error(`docs/protocol.md has no limit '${name}'`);
  return row[2] ?? '';
}

const units: Readonly<Record<string, number>> = {
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  seconds: 1_000,
  minutes: 60_000,
  hour: 3_600_000,
};

function quantity(text: string): number {
  const [number = '', unit = ''] = text.split(' ');
  return Number(number.replaceAll(',', '')) * (units[unit] ?? 1);
}

describe('docs/cli.md and docs/operating.md', () => {
  test('have a heading or a name for every command, and no heading without one', () => {
    const headings = [...sectionOf(cli, '## Commands').matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    expect(headings.toSorted()).toEqual([...client.commands.keys()].toSorted());
    for (const [name, { aliases }] of client.commands) {
      const section = sectionOf(cli, `### ${name}`);
      for (const alias of aliases) expect(section).toContain(`\`${alias}\``);
    }
    for (const name of daemon.commands.keys()) expect(operating).toContain(`jaycloudd ${name}`);
  });

  test('name every flag, where its command is described', () => {
    const everywhere = cli.split('\n### ')[0] ?? '';
    for (const [name, { flags }] of client.commands) {
      const text = codeOf(everywhere) + codeOf(sectionOf(cli, `### ${name}`));
      for (const flag of flags) expect(text, `${flag} of ${name}`).toMatch(new RegExp(`${flag}(?![a-z-])`));
    }
    for (const { flags } of daemon.commands.values()) {
      for (const flag of flags) if (flag !== '--help') expect(operating).toMatch(new RegExp(`${flag}(?![a-z-])`));
    }
  });

  test('name no flag that no command has', () => {
    const known = new Set([...client.flags, ...daemon.flags]);
    for (const { flags } of [...client.commands.values(), ...daemon.commands.values()]) {
      for (const flag of flags) known.add(flag);
    }
    for (const page of [cli, operating]) {
      for (const [flag] of codeOf(page).matchAll(/(?<![\w-])--[a-z][a-z-]+/g)) expect([...known]).toContain(flag);
    }
  });

  test('name every variable that the programs read, and no other', () => {
    const readBySource = new Set<string>();
    for (const source of sources) {
      const text = read(source);
      for (const [name] of text.matchAll(/JAYCLOUDD?_[A-Z_]*[A-Z]/g)) readBySource.add(name);
      for (const [, name] of text.matchAll(/env(?:ironment)?(?:\.|\[')([A-Za-z]\w+)/g)) readBySource.add(name ?? '');
    }
    const tables = cli + operating;
    for (const name of readBySource) expect(tables).toContain(`\`${name}`);
    for (const page of pages) {
      for (const [name] of read(page).matchAll(/JAYCLOUDD?_[A-Z_]*[A-Z]/g)) expect([...readBySource]).toContain(name);
    }
  });

  test('list every exit code with every error code that ends so', () => {
    const listed = new Map<number, string[]>();
    for (const [, exit, codes] of rowsOf(sectionOf(cli, '## Exit codes'), '| ')) {
      if (/^\d+$/.test(exit ?? '')) listed.set(Number(exit), (codes ?? '').match(/[a-z-]+/g) ?? []);
    }
    const actual = new Map<number, string[]>([
      [0, []],
      [exitPartial, []],
    ]);
    const union = /ClientErrorCode =([^;]+);/.exec(read('src/client/errors.ts'))?.[1] ?? '';
    const errors = [...union.matchAll(/'([a-z-]+)'/g)].map(([, code]) => new ClientError(code as ClientErrorCode, ''));
    for (const error of [...errors, ...errorCodes.map((code) => new ProtocolError(code, ''))]) {
      const explanation = explain(error);
      if (explanation === undefined) throw new Error(`${error.code} has no exit code`);
      const codes = actual.get(explanation.exit) ?? [];
      actual.set(explanation.exit, codes.includes(explanation.code) ? codes : [...codes, explanation.code]);
    }
    const byExit = (a: [number, string[]], b: [number, string[]]) => a[0] - b[0];
    expect([...listed].sort(byExit)).toEqual([...actual].sort(byExit));
  });

  test('describe every type of line and every field that the commands print', async () => {
    const section = sectionOf(cli, '## JSON');
    const documented = new Set([...section.matchAll(/`([A-Za-z0-9]+)`/g)].map(([, name]) => name));
    for (const source of sources.filter((path) => path.startsWith('src/cli/'))) {
      for (const [, type] of read(source).matchAll(/\btype: '([a-z]+)'/g)) expect([...documented]).toContain(type);
    }
    const machine = new Machine({ JAYCLOUD_NEW_PASSWORD: 'another' });
    mkdirSync(join(machine.home, 'tree'));
    writeFileSync(join(machine.home, 'tree', 'file'), 'content\n');
    const commands = [
      ['push', 'tree', '--name', 'tree'],
      ['ls'],
      ['ls', 'tree'],
      ['log'],
      ['whoami'],
      ['session', 'list'],
      ['session', 'revoke', '--others'],
      ['passwd'],
      ['pull', 'tree', 'out'],
      ['pull', 'tree', 'out'],
      ['pull', 'absent'],
      ['doctor'],
      ['forget', 'tree', '--keep-last', '1'],
      ['rm', 'tree@1'],
    ];
    for (const command of commands) {
      for (const line of jsonLines(await machine.run([...command, '--json']))) {
        for (const field of Object.keys(line))
          expect([...documented], `${command.join(' ')}: ${field}`).toContain(field);
      }
    }
  });
});

/** Anchors as the usual hosts make them. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('every page', () => {
  test.each(pages)('%s links to what exists', (page) => {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : relative(root, resolve(root, dirname(page), path));
      expect(existsSync(join(root, file)), `${target} in ${page}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(read(file)), `${target} in ${page}`).toContain(anchor);
    }
  });

  test.each(pages.filter((page) => !page.startsWith('docs/decisions')))('%s names files that exist', (page) => {
    for (const [, file = ''] of read(page).matchAll(/`((?:src|test|docs|scripts|bin)\/[\w./-]+)`/g)) {
      expect(existsSync(join(root, file)), `${file} in ${page}`).toBe(true);
    }
  });

  test('is found, section included, by the comments that point to it', () => {
    for (const source of sources) {
      for (const [, file = '', section] of read(source).matchAll(/(docs\/[\w-]+\.md)(?:, "([^"]+)")?/g)) {
        const headings = [...read(file).matchAll(/^#+ (?:[\d.]+ )?(.+)$/gm)].map(([, heading]) => heading);
        if (section !== undefined) expect(headings, `${file}, "${section}" in ${source}`).toContain(section);
      }
    }
  });
});

describe('README.md', () => {
  const readme = read('README.md');

  test('uses only commands and flags that exist', () => {
    const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts);
    const code = codeOf(readme + read('CONTRIBUTING.md'));
    for (const [, script = ''] of code.matchAll(/npm run (?:--\S+ )?([a-z]+)/g)) expect(scripts).toContain(script);
    const calls = code.matchAll(
      /(?:npm start (?:--silent )?--|\bjaycloudd?(?:\.js)?)((?: --server \S+)*) ([a-z][a-z-]*)([^\n`]*)/g,
    );
    let checked = 0;
    for (const [call, , name = '', rest = ''] of calls) {
      const program = call.startsWith('jaycloudd') ? daemon : client;
      const nested = `${name} ${/^ ([a-z-]+)/.exec(rest)?.[1] ?? ''}`;
      const command = program.commands.get(name) ?? program.commands.get(nested);
      if (command === undefined) throw new Error(`'${call}': there is no '${name}'`);
      for (const [flag] of rest.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)) expect([...command.flags], call).toContain(flag);
      checked += 1;
    }
    expect(checked).toBeGreaterThan(10);
  });

  test('calls missing what is missing', () => {
    const lists: [Program, string][] = [
      [client, 'Commands of the client:'],
      [daemon, 'Commands of the daemon:'],
    ];
    for (const [program, beginning] of lists) {
      const line = readme.split('\n').find((text) => text.includes(beginning)) ?? '';
      const missing = [...line.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name ?? '');
      expect(missing.length).toBeGreaterThan(0);
      const there = [...program.commands.keys()].flatMap((name) => [name, ...name.split(' ')]);
      for (const name of missing) expect(there, `${name} is there by now`).not.toContain(name);
    }
  });

  test('names the version of Node that package.json asks for', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    expect(readme).toContain(`Node ${engines.node.replace('>=', '')}`);
  });
});
