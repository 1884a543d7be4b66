// Loaded into a process whose memory is watched (`node --expose-gc --import`): SIGUSR2 makes it say, on its standard
// error, what it uses after a collection. What V8 holds of the heap without using it comes and goes by megabytes with
// the rate of allocation, and is not counted; all else the process made is, native memory too.
import fs from 'node:fs';
import v8 from 'node:v8';
import { ownMemoryBytes } from '../test/scenarios/own-memory.mjs';

process.on('SIGUSR2', () => {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { total_physical_size, used_heap_size } = v8.getHeapStatistics();
  const bytes = ownMemoryBytes(process.pid) - (total_physical_size - used_heap_size);
  fs.writeSync(2, `memory in use: ${bytes} bytes, ${used_heap_size} of them in the heap\n`);
});
