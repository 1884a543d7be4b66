import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { processorUse } from '../scenarios/processor-use.mjs';
import type { Answer, Task } from './job.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/mutants.mjs', import.meta.url));
/** A seed that takes so much of a processor never ends: the machine loops. */
const HANG_CPU_SECONDS = 30;
const LOOK_EVERY_MS = 2_000;

type Final = Exclude<Answer, { type: 'try' }> | { readonly type: 'hung'; readonly n: number };

/** Runs tasks in as many processes as `jobs`. `onDone` gets each task with its answer. */
export async function runTasks<T extends Task>(
  tasks: readonly T[],
  jobs: number,
  onDone: (task: T, answer: Final) => void,
): Promise<void> {
  const left = [...tasks];
  await Promise.all(
    Array.from({ length: Math.min(jobs, tasks.length) }, async () => {
      let worker = new Worker();
      for (let task = left.shift(); task !== undefined; task = left.shift()) {
        const answer = await worker.perform(task);
        if (answer.type === 'hung') worker = new Worker();
        onDone(task, answer);
      }
      worker.stop();
    }),
  );
}

/** One child, which does one task at a time. */
class Worker {
  readonly #child: ChildProcess = fork(SCRIPT, ['--serve'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  #n = 0;
  /** Seconds of processor time at the begin of the seed. */
  #beganAt = 0;

  perform(task: Task): Promise<Final> {
    const child = this.#child;
    this.#n = 0;
    this.#beganAt = this.#cpuSeconds();
    return new Promise((resolve, reject) => {
      const look = setInterval(() => {
        if (task.kind !== 'hunt' || this.#cpuSeconds() - this.#beganAt < HANG_CPU_SECONDS) return;
        finish();
        child.kill('SIGKILL');
        resolve({ type: 'hung', n: this.#n });
      }, LOOK_EVERY_MS);
      const onMessage = (answer: Answer): void => {
        if (answer.type === 'try') {
          this.#n = answer.n;
          this.#beganAt = this.#cpuSeconds();
          return;
        }
        finish();
        resolve(answer);
      };
      const onExit = (code: number | null): void => {
        finish();
        reject(new Error(`a job ended with ${code}: ${JSON.stringify(task)}`));
      };
      const finish = (): void => {
        clearInterval(look);
        child.off('message', onMessage).off('exit', onExit);
      };
      child.on('message', onMessage).on('exit', onExit).send(task);
    });
  }

  stop(): void {
    this.#child.disconnect();
  }

  /** Of the child; where /proc does not tell, the time of day. */
  #cpuSeconds(): number {
    try {
      return processorUse(this.#child.pid).seconds;
    } catch {
      return performance.now() / 1_000;
    }
  }
}
