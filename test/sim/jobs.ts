import { spawn } from 'node:child_process';
import { addBatch, emptyBatch, type BatchResult } from './batch.ts';

const SCRIPT = new URL('../../scripts/sim.mjs', import.meta.url).pathname;

export interface JobOptions {
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  /** Other arguments of the command. */
  readonly args: readonly string[];
}

/** Divides the seeds among processes and adds up what they found. */
export async function runJobs({ first, count, jobs, args }: JobOptions): Promise<BatchResult> {
  const share = Math.ceil(count / jobs);
  const starts = Array.from({ length: jobs }, (_, n) => n * share).filter((start) => start < count);
  const parts = await Promise.all(
    starts.map((start) => runPart(first + start, Math.min(share, count - start), args)),
  );
  const sum = emptyBatch();
  for (const part of parts) addBatch(sum, part);
  return sum;
}

function runPart(seed: number, count: number, args: readonly string[]): Promise<BatchResult> {
  const child = spawn(
    process.execPath,
    [SCRIPT, '--seed', `${seed}`, '--count', `${count}`, '--json', ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal !== null || (code !== 0 && code !== 1))
        reject(new Error(`a job ended with ${signal ?? code}`));
      else resolve(JSON.parse(text) as BatchResult);
    });
  });
}
