// `npm run mutants -- --help`: faults seeded into FRCP, each to be found by the simulator. The catalogue is test/mutants.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
if (process.argv[2] === '--serve') (await import('../test/mutants/job.ts')).serve();
else {
  const { main } = await import('../test/mutants/command.ts');
  process.exitCode = await main(process.argv.slice(2));
}
