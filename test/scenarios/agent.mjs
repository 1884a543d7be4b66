// Starts a program under remote control (agent-program.mjs), whose operations are those of libdev.
import { fileURLToPath } from 'node:url';
import { startRemoteProgram } from './remote-program.mjs';

const PROGRAM = fileURLToPath(new URL('./agent-program.mjs', import.meta.url));

/** `entry`: see {@link startRemoteProgram}. */
export function startAgent(env, entry = []) {
  return startRemoteProgram({ args: [PROGRAM], env, entry });
}
