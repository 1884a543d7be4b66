#!/usr/bin/env node
import { CommanderError } from 'commander';
import { irmProgram } from '../cli/irm-program.ts';
import { EXIT } from '../exit-codes.ts';

const program = irmProgram({
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
