// `node test/support/typescript-program.mjs FILE [ARGS]`: runs a TypeScript file; packages come from their sources.
import { register } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

register('../../scripts/typescript-hooks.mjs', import.meta.url);
await import(pathToFileURL(path.resolve(process.argv[2])).href);
