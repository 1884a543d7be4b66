import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readLayerConfig } from '../src/cli/layer-config.ts';

describe('the configuration of a bootstrap', () => {
  let dir = '';
  beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'layer-config-'))));
  afterAll(() => rmSync(dir, { recursive: true }));

  function file(text: string): string {
    const path = join(dir, 'layer.toml');
    writeFileSync(path, text);
    return path;
  }

  test.each([
    ['port=3435', { port: 3435 }],
    ['bind=10.0.0.1:3435', { bind: '10.0.0.1:3435' }],
    ['bind="::1"', { bind: '::1' }],
    ['on=true', { on: true }],
    ['peers=["a","b"]', { peers: ['a', 'b'] }],
    ['names.oecho=10.0.0.2', { names: { oecho: '10.0.0.2' } }],
    ['names."a.b"=c', { names: { 'a.b': 'c' } }],
    ['when=2026-01-02', { when: '2026-01-02' }],
    ['empty=', { empty: '' }],
    ['formula=a=b', { formula: 'a=b' }],
  ])('reads --set %s', (pair, config) => {
    expect(readLayerConfig(undefined, [pair])).toEqual(config);
  });

  test('merges pairs into the tables of the file, and wins over it', () => {
    const path = file('port = 1\n[names]\na = "1"\nb = "2"\n');
    expect(readLayerConfig(path, ['names.b=3', 'names.c=4', 'port=2'])).toEqual({
      port: 2,
      names: { a: '1', b: 3, c: 4 },
    });
  });

  test.each(['', 'port', '=3', 'a b=c', '__proto__.x=1'])('refuses --set %j', (pair) => {
    expect(() => readLayerConfig(undefined, [pair])).toThrow(
      expect.objectContaining({ code: 'FLOWRING_CONFIG', details: { file: `--set ${pair}` } }),
    );
  });

  test('names the key of a file whose value cannot be one', () => {
    expect(() => readLayerConfig(file('port = 1\nwhen = 2026-01-02\n'), [])).toThrow(
      expect.objectContaining({
        code: 'FLOWRING_CONFIG',
        details: { file: join(dir, 'layer.toml'), key: 'when' },
      }),
    );
  });

  test('refuses a file that is not there or not TOML', () => {
    for (const path of [join(dir, 'absent.toml'), file('= =')]) {
      expect(() => readLayerConfig(path, [])).toThrow(expect.objectContaining({ code: 'FLOWRING_CONFIG' }));
    }
  });

  test('refuses more than fits a control frame', () => {
    expect(() => readLayerConfig(file(`x = "${'y'.repeat(60_000)}"\n`), [])).toThrow(
      expect.objectContaining({ code: 'FLOWRING_CONFIG' }),
    );
  });
});
