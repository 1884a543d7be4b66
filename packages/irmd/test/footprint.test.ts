import v8 from 'node:v8';
import vm from 'node:vm';
import { expect, test } from '@jest/globals';
import { TestIrm } from './support/test-irm.ts';

const FLOWS = 40_000;

test('an allocated endpoint costs less than 250 bytes', () => {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  const irm = new TestIrm();
  const server = irm.join();
  const client = irm.join();
  irm.accept(server, 'n', 1);
  irm.sent.length = 0;
  irm.effects.length = 0;
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let req = 1; req <= FLOWS; req += 1) {
    irm.accept(server, 'n', 1);
    irm.alloc(client, req, 'n');
    irm.sent.length = 0;
    irm.effects.length = 0;
  }
  collect();
  const bytesEach = (process.memoryUsage().heapUsed - before) / FLOWS;
  expect(irm.machine.population.flows).toBe(FLOWS);
  expect(bytesEach).toBeLessThan(250);
});
