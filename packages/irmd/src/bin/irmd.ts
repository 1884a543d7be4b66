#!/usr/bin/env node
import { runIrmd } from './irmd-command.ts';

await runIrmd(process.argv);
