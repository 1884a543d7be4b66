import type { Timed } from './deadline-heap.ts';
import type { IrmState } from './irm-state.ts';
import type { NameEntry } from './registry/name.ts';
import type { ProgramBinding } from './registry/program.ts';
import { refuse } from './requests.ts';

/** The starting of programs for one name: one at a time, with a growing pause after failures. */
export interface Starter extends Timed {
  readonly timer: 'starter';
  readonly name: NameEntry;
  /** `starting`: started, and not ready until somebody accepts on the name. `resting`: pausing after a failure. */
  state: 'ready' | 'starting' | 'resting';
  /** The child being started, or 0. */
  child: number;
  program: string;
  failures: number;
  restUntilUs: number;
}

export function canStart(name: NameEntry): boolean {
  return autoBinding(name) !== null;
}

/** A request waits for a program of the name: start one, unless one is starting or the last failed just now. */
export function wantStart(irm: IrmState, name: NameEntry): void {
  const starter = (name.starter ??= createStarter(name));
  if (starter.state === 'starting') return;
  if (starter.restUntilUs > irm.nowUs) {
    starter.state = 'resting';
    irm.deadlines.set(starter, starter.restUntilUs);
    return;
  }
  start(irm, starter);
}

/** Somebody accepts on the name: what was started is ready. */
export function programReady(irm: IrmState, name: NameEntry): void {
  const { starter } = name;
  if (starter === null || starter.state !== 'starting') return;
  starter.state = 'ready';
  starter.failures = 0;
  starter.restUntilUs = 0;
  irm.deadlines.clear(starter);
}

export function starterTimedOut(irm: IrmState, starter: Starter): void {
  irm.deadlines.clear(starter);
  if (starter.state === 'resting') {
    starter.state = 'ready';
    if (someoneWaits(starter.name)) wantStart(irm, starter.name);
    return;
  }
  if (starter.state !== 'starting') return;
  irm.effects.push({ type: 'kill', child: starter.child });
  startFailed(irm, starter, `did not accept within ${irm.settings.programStartMs} ms`);
}

/** The child ended or could not be started; a failure only if it had not become ready. */
export function programEnded(irm: IrmState, starter: Starter, child: number, outcome: string): void {
  if (starter.child !== child) return;
  starter.child = 0;
  irm.publish('program-ended', { name: starter.name.text, program: starter.program, outcome });
  if (starter.state === 'starting') startFailed(irm, starter, outcome);
}

function start(irm: IrmState, starter: Starter): void {
  const binding = autoBinding(starter.name);
  if (binding === null) return;
  starter.state = 'starting';
  starter.child = irm.nextChildId();
  starter.program = binding.program;
  irm.children.set(starter.child, starter);
  irm.deadlines.set(starter, irm.after(irm.settings.programStartMs));
  irm.counters.programsStarted += 1;
  irm.effects.push({
    type: 'spawn-program',
    child: starter.child,
    program: binding.program,
    args: binding.args,
    uid: binding.ownerUid,
    gid: binding.ownerGid,
  });
  irm.publish('program-started', { name: starter.name.text, program: binding.program });
}

function startFailed(irm: IrmState, starter: Starter, reason: string): void {
  irm.deadlines.clear(starter);
  const { backoffMinMs, backoffMaxMs } = irm.settings;
  starter.failures += 1;
  starter.restUntilUs = irm.after(Math.min(backoffMaxMs, backoffMinMs * 2 ** (starter.failures - 1)));
  starter.state = 'ready';
  const { name, program } = starter;
  irm.publish('program-failed', { name: name.text, program, reason, failures: starter.failures });
  for (const request of name.waiting) {
    if (request.phase !== 'start') continue;
    refuse(irm, request, 'FLOWRING_SPAWN', `${program}: ${reason}`, { name: name.text, program, reason });
  }
}

function someoneWaits(name: NameEntry): boolean {
  for (const request of name.waiting) if (request.phase === 'start') return true;
  return false;
}

function autoBinding(name: NameEntry): ProgramBinding | null {
  for (const binding of name.programs) if (binding.auto) return binding;
  return null;
}

function createStarter(name: NameEntry): Starter {
  return {
    timer: 'starter',
    deadlineUs: 0,
    heapIndex: -1,
    name,
    state: 'ready',
    child: 0,
    program: '',
    failures: 0,
    restUntilUs: 0,
  };
}
