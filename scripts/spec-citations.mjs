// Which code keeps each requirement of docs/spec, and which test would fail without it.
// `node scripts/spec-citations.mjs [--table]`; the tidy tests run `citationFaults`.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const DEFINED = /\*\*(R-[A-Z]+-\d+)\*\*/g;
const NAMED = /\bR-[A-Z]+-\d+\b/g;
/** A line of its own in TypeScript; the title of a packet script. */
const CITED = { '.ts': /^\s*\/\/= (R-.*)$/, '.frcp': /^== .*\[(.*)\]\s*$/ };
const SKIPPED = new Set(['node_modules', 'dist', 'corpus']);

/**
 * Requirements with the places that cite them: `{ id, spec, code, tests }`, and `named`, all places that name any.
 * `files`: path and text of each file of the repository that may define or name one.
 */
export function readCitations(files) {
  const requirements = files
    .filter(({ path: file }) => file.startsWith('docs/spec/'))
    .flatMap(({ path: file, text }) =>
      [...text.matchAll(DEFINED)].map(([, id]) => ({ id, spec: file, code: [], tests: [] })),
    );
  const byId = new Map(requirements.map((one) => [one.id, one]));
  const named = [];
  for (const { path: file, text } of files) {
    const cited = CITED[path.extname(file)];
    text.split('\n').forEach((line, at) => {
      const place = `${file}:${at + 1}`;
      for (const [id] of line.matchAll(NAMED)) named.push({ id, place });
      const list = cited?.exec(line)?.[1];
      if (list === undefined) return;
      for (const [id] of list.matchAll(NAMED)) byId.get(id)?.[isTest(file) ? 'tests' : 'code'].push(place);
    });
  }
  return { requirements, named };
}

/** What is wrong, as sentences: nothing cited by nobody, nothing cited that is not there, nothing said twice. */
export function citationFaults({ requirements, named }) {
  const known = new Set(requirements.map(({ id }) => id));
  const twice = requirements.filter(({ id }, at) => requirements.findIndex((one) => one.id === id) !== at);
  return [
    ...twice.map(({ id, spec }) => `${spec} defines ${id} twice`),
    ...named
      .filter(({ id }) => !known.has(id))
      .map(({ id, place }) => `${place} names ${id}, which no spec defines`),
    ...requirements.filter(({ code }) => code.length === 0).map(({ id }) => `no code cites ${id}`),
    ...requirements.filter(({ tests }) => tests.length === 0).map(({ id }) => `no test cites ${id}`),
  ];
}

function isTest(file) {
  return /(^|\/)test\//.test(file);
}

/** All files of ours under packages, test and docs. */
export function citingFiles(root) {
  const walk = (under) =>
    fs.readdirSync(path.join(root, under), { withFileTypes: true }).flatMap((entry) => {
      const file = `${under}/${entry.name}`;
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : walk(file);
      if (!/\.(ts|mjs|md|frcp)$/.test(file) || file.startsWith('test/tidy/')) return [];
      return [{ path: file, text: fs.readFileSync(path.join(root, file), 'utf8') }];
    });
  return ['packages', 'test', 'docs'].flatMap(walk);
}

function table({ requirements }) {
  const short = (places) =>
    places.map((place) => place.replace(/^packages\//, '').replace('/src/', '/')).join('\n  ');
  return requirements
    .map(({ id, code, tests }) => `${id}\n  ${short(code) || '-'}\n  tested by\n  ${short(tests) || '-'}`)
    .join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const found = readCitations(citingFiles(path.resolve(import.meta.dirname, '..')));
  const faults = citationFaults(found);
  if (process.argv.includes('--table')) console.log(table(found));
  for (const fault of faults) console.error(fault);
  if (faults.length === 0)
    console.error(`${found.requirements.length} requirements, each cited from code and test`);
  else process.exitCode = 1;
}
