// `npm run sim -- --help`: whole stacks under a virtual clock. The simulator is test/sim.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
const { main } = await import('../test/sim/command.ts');
process.exitCode = await main(process.argv.slice(2));
