import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { play } from './player.ts';
import { parseScripts } from './script-text.ts';

const FOLDER = import.meta.dirname;
const SPECIFICATION = path.resolve(FOLDER, '../../../../docs/spec/frcp.md');
const SCRIPTS_MIN = 150;

const files = fs.readdirSync(FOLDER).filter((name) => name.endsWith('.frcp'));
const scripts = files.flatMap((name) => parseScripts(name, fs.readFileSync(path.join(FOLDER, name), 'utf8')));

/** What the tests beside this folder cite, `//= R-FRCP-nn`. */
function citedByTests(): string[] {
  const folder = path.dirname(FOLDER);
  const tests = fs.readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  const texts = tests.map((name) => fs.readFileSync(path.join(folder, name), 'utf8'));
  return texts.flatMap((text) => [...text.matchAll(/\/\/= (R-FRCP-\d+)/g)].map((found) => found[1]!));
}

for (const file of files) {
  describe(path.basename(file, '.frcp'), () => {
    for (const script of scripts.filter((one) => one.file === file)) {
      test(script.title, () => play(script));
    }
  });
}

describe('the scripts', () => {
  test('are at least 150, no two of one title', () => {
    const titles = scripts.map((script) => script.title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(scripts.length).toBeGreaterThanOrEqual(SCRIPTS_MIN);
  });

  test('cite, with the tests, every requirement of the specification, and none that it has not', () => {
    const required = new Set(
      [...fs.readFileSync(SPECIFICATION, 'utf8').matchAll(/\*\*(R-FRCP-\d+)\*\*/g)].map((found) => found[1]!),
    );
    const cited = new Set([...scripts.flatMap((script) => script.cites), ...citedByTests()]);
    expect([...required].filter((name) => !cited.has(name))).toEqual([]);
    expect([...cited].filter((name) => name.startsWith('R-') && !required.has(name))).toEqual([]);
  });
});
