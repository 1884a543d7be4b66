import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import { until } from '../scenarios/until.mjs';
import { ROOT, StartedProgram } from '../support/started-program.ts';

const readme = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');

/** The code of the block whose first line names the file. */
function printedProgram(file: string): string {
  const block = [...readme.matchAll(/```js\n([^]*?)```/g)].find((found) =>
    found[1]!.startsWith(`// ${file}\n`),
  );
  if (block === undefined) throw new Error(`README.md prints no ${file}`);
  return block[1]!;
}

describe('the programs printed in the README', () => {
  let daemon: Awaited<ReturnType<typeof startPrivateDaemon>>;
  let folder: string;

  beforeAll(async () => {
    daemon = await startPrivateDaemon();
  });
  afterAll(() => daemon.stop());
  beforeEach(() => {
    // Inside the repository, where the packages are found as the reader finds them.
    fs.mkdirSync(path.join(ROOT, 'node_modules/.cache'), { recursive: true });
    folder = fs.mkdtempSync(path.join(ROOT, 'node_modules/.cache/readme-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  const start = (file: string): StartedProgram => {
    fs.writeFileSync(path.join(folder, file), printedProgram(file));
    return new StartedProgram(path.join(folder, file), [], daemon.env);
  };

  test.each(['greet-server.mjs', 'greet-client.mjs'])('%s has at most 15 lines', (file) => {
    expect(printedProgram(file).trim().split('\n').length).toBeLessThanOrEqual(15);
  });

  test('print what the README says they print', async () => {
    const server = start('greet-server.mjs');
    try {
      const names = async (): Promise<boolean> =>
        JSON.stringify(await daemon.irmJson('name', 'list')).includes('greeter');
      await until(names, 'the server has bound its name');
      const printed = /```text\n([^]*?)```/.exec(readme)![1]!;
      expect(await start('greet-client.mjs').succeeds()).toBe(printed);
    } finally {
      await server.stop();
    }
  });
});
